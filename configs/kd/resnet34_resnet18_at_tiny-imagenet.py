# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Table IV of EKD, ResNet34 -> ResNet18 on Tiny-ImageNet. AT: attention maps of all
# stages. The weight is that of CRD's code.
_base_ = '../ekd/resnet34_resnet18_kd_tiny-imagenet.py'

stages = ['backbone.layer1', 'backbone.layer2', 'backbone.layer3', 'backbone.layer4']
model = dict(
    streams=dict(student=dict(loss_weight=1.0)),
    transfers=dict(
        _delete_=True,
        loss_at=dict(
            source=[f'teacher.{stage}' for stage in stages],
            target=[f'student.{stage}' for stage in stages],
            loss=dict(type='ATLoss', loss_weight=1000.0),
        ),
    ),
)
