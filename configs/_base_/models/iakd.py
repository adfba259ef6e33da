# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# IAKD: at each step blocks of the student change places with those of a teacher that was
# trained before. What inherits from it gives the streams their models, and p its start.
model = dict(
    type='dynkd.InteractiveDistillation',
    streams=dict(
        teacher=dict(frozen=True, input_shape=(3, 32, 32)),
        student=dict(input_shape=(3, 32, 32)),
    ),
    # Eqs. 2 to 5. p is the probability of the student's own path; IAKD-R.
    interaction=dict(
        student='student',
        teacher='teacher',
        probability=dict(type='ReviewSchedule', start=0.9),
        level='block',
    ),
)
# The other ways of p: IAKD-L; IAKD-U has a number.
linear = dict(type='LinearSchedule', start=0.9, stop=1.0)
# HKD (section 4.5): T = 4, alpha = 0.9. Alone it has 1 - alpha for the label; with IAKD
# this loss is added to Eq. 5, whose factor stays 1.
hkd = dict(
    source='teacher.head',
    target='student.head',
    loss=dict(type='KLDLoss', temperature=4.0, loss_weight=0.9),
)
hkd_student = dict(loss_weight=0.1)
# Eq. 6, the control without interaction: "w/o IA".
non_interactive = dict(
    type='NonInteractiveTransfers',
    student='student',
    teacher='teacher',
    probability=0.9,
    level='block',
)
