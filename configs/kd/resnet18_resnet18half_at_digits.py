# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# AT: attention maps of three stages, with the released weight.
_base_ = '../_base_/kd_digits.py'

stages = ['backbone.layer2', 'backbone.layer3', 'backbone.layer4']
model = dict(
    transfers=dict(
        loss_at=dict(
            source=[f'teacher.{stage}' for stage in stages],
            target=[f'student.{stage}' for stage in stages],
            loss=dict(type='ATLoss', loss_weight=500.0),
        )
    )
)
