# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Table II of EKD, ResNet18 -> VGG8. AT: attention maps of all stages. The weight is
# that of CRD's code.
_base_ = './resnet18_vgg8_kd_cifar100.py'

model = dict(
    streams=dict(student=dict(loss_weight=1.0)),
    transfers=dict(
        _delete_=True,
        loss_at=dict(
            source=[
                'teacher.backbone.layer1',
                'teacher.backbone.layer2',
                'teacher.backbone.layer3',
                'teacher.backbone.layer4',
            ],
            target=[
                'student.backbone.features.0',
                'student.backbone.features.2',
                'student.backbone.features.4',
                'student.backbone.features.6',
            ],
            loss=dict(type='ATLoss', loss_weight=1000.0),
        ),
    ),
)
