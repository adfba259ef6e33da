# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# KD from a teacher that was trained before, as in CRD's code, of which EKD's rows "KD" are
# (section III-C): T = 4, 0.9 for the teacher's and 0.1 for the label. What inherits from it
# gives the streams their models.
model = dict(
    type='dynkd.Distillation',
    streams=dict(
        teacher=dict(frozen=True, input_shape=(3, 32, 32)),
        student=dict(loss_weight=0.1, input_shape=(3, 32, 32)),
    ),
    transfers=dict(
        loss_kd=dict(
            source='teacher.head',
            target='student.head',
            loss=dict(type='KLDLoss', temperature=4.0, loss_weight=0.9),
        )
    ),
)
