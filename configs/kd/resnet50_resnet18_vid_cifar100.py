# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Table I of EKD, ResNet50 -> ResNet18. VID: how improbable each stage of the teacher
# is, given the student's. The weight is that of CRD's code.
_base_ = '../ekd/resnet50_resnet18_kd-crd_cifar100.py'

model = dict(
    streams=dict(student=dict(loss_weight=1.0)),
    transfers=dict(
        _delete_=True,
        loss_vid_0=dict(
            source='teacher.backbone.layer1',
            target='student.backbone.layer1',
            loss=dict(type='VIDLoss', target_channels=64, source_channels=256),
        ),
        loss_vid_1=dict(
            source='teacher.backbone.layer2',
            target='student.backbone.layer2',
            loss=dict(type='VIDLoss', target_channels=128, source_channels=512),
        ),
        loss_vid_2=dict(
            source='teacher.backbone.layer3',
            target='student.backbone.layer3',
            loss=dict(type='VIDLoss', target_channels=256, source_channels=1024),
        ),
        loss_vid_3=dict(
            source='teacher.backbone.layer4',
            target='student.backbone.layer4',
            loss=dict(type='VIDLoss', target_channels=512, source_channels=2048),
        ),
    ),
)
