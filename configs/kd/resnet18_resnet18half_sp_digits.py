# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# SP: similarities of the images of a batch, with the authors' weight.
_base_ = '../_base_/kd_digits.py'

model = dict(
    transfers=dict(
        loss_sp=dict(
            source='teacher.backbone',
            target='student.backbone',
            loss=dict(type='SPLoss', loss_weight=3000.0),
        )
    )
)
