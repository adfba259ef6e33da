# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Table I of EKD, ResNet50 -> ResNet18. SP: similarities of the images of a batch, by
# the last stage. The weight is that of CRD's code.
_base_ = '../ekd/resnet50_resnet18_kd-crd_cifar100.py'

model = dict(
    streams=dict(student=dict(loss_weight=1.0)),
    transfers=dict(
        _delete_=True,
        loss_sp=dict(
            source='teacher.backbone.layer4',
            target='student.backbone.layer4',
            loss=dict(type='SPLoss', loss_weight=3000.0),
        ),
    ),
)
