# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# RKD: distances and angles between the images of a batch.
_base_ = '../_base_/kd_digits.py'

model = dict(
    transfers=dict(
        loss_rkd=dict(
            source='teacher.neck[-1]',
            target='student.neck[-1]',
            loss=dict(type='RKDLoss', distance=25.0, angle=50.0),
        )
    )
)
