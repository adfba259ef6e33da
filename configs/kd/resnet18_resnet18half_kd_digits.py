# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# KD: class probabilities, with the weights of CRD's comparison.
_base_ = '../_base_/kd_digits.py'

model = dict(
    streams=dict(student=dict(loss_weight=0.1)),
    transfers=dict(
        loss_kd=dict(
            source='teacher.head',
            target='student.head',
            loss=dict(type='KLDLoss', temperature=4.0, loss_weight=0.9),
        )
    ),
)
