# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# VID: how improbable two stages of the teacher are, given the student's.
_base_ = '../_base_/kd_digits.py'

model = dict(
    transfers=dict(
        loss_vid3=dict(
            source='teacher.backbone.layer3',
            target='student.backbone.layer3',
            loss=dict(type='VIDLoss', target_channels=64, source_channels=128),
        ),
        loss_vid4=dict(
            source='teacher.backbone.layer4',
            target='student.backbone.layer4',
            loss=dict(type='VIDLoss', target_channels=128, source_channels=256),
        ),
    )
)
