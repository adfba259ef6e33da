# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# EKD: a teacher that starts from scratch beside its student, with guided modules on the
# stages of both. The streams of a config that inherits from this join them; it may set
# `out_channels`, the one width of all guided modules' features (ours: the student's, but 512
# where that is 2048), and sets `num` where the backbones' stages are not equally many.
_guided = dict(module=dict(type='GuidedModule', out_channels=512), loss_weight=1.0)
model = dict(
    type='dynkd.Distillation',
    streams=dict(
        teacher=dict(branches=_guided, input_shape=(3, 32, 32)),
        student=dict(branches=_guided, input_shape=(3, 32, 32)),
    ),
    transfers=dict(
        # Eqs. 3 and 4 within each stream, 6 and 7 from teacher to student. T is of section
        # III-C, and Eqs. 8 to 11 have no weights. Cross-entropy of every classifier
        # (Eq. 9): the streams' own and the branches' `loss_weight`.
        loss_ekd=dict(
            type='EvolutionaryTransfers',
            teacher='teacher',
            student='student',
            temperature=4.0,
            within_kl=1.0,
            within_l2=1.0,
            cross_kl=1.0,
            cross_l2=1.0,
        )
    ),
)
