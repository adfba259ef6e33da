# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Table 1 of DPK, ResNet56 -> ResNet20. VID: how improbable each stage of the teacher
# is, given the student's. The weight is that of CRD's code.
_base_ = './resnet56_resnet20_kd_cifar100.py'

model = dict(
    streams=dict(student=dict(loss_weight=1.0)),
    transfers=dict(
        _delete_=True,
        loss_vid_0=dict(
            source='teacher.backbone.layer1',
            target='student.backbone.layer1',
            loss=dict(type='VIDLoss', target_channels=16, source_channels=16),
        ),
        loss_vid_1=dict(
            source='teacher.backbone.layer2',
            target='student.backbone.layer2',
            loss=dict(type='VIDLoss', target_channels=32, source_channels=32),
        ),
        loss_vid_2=dict(
            source='teacher.backbone.layer3',
            target='student.backbone.layer3',
            loss=dict(type='VIDLoss', target_channels=64, source_channels=64),
        ),
    ),
)
