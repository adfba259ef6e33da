# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Decoupled KD: the labelled class apart from the others. The weight rises in the first
# epochs, as in the released code.
_base_ = '../_base_/kd_digits.py'

model = dict(
    transfers=dict(
        loss_decoupled=dict(
            source='teacher.head',
            target='student.head',
            loss=dict(
                type='DecoupledKDLoss',
                alpha=1.0,
                beta=8.0,
                temperature=4.0,
                loss_weight=dict(
                    type='LinearSchedule', start=0.25, stop=1.0, begin=0, end=3
                ),
            ),
        )
    )
)
