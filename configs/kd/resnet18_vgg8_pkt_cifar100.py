# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Table II of EKD, ResNet18 -> VGG8. PKT: which images of a batch are neighbours. The
# weight is that of CRD's code, 30,000 / (64 images).
_base_ = './resnet18_vgg8_kd_cifar100.py'

model = dict(
    streams=dict(student=dict(loss_weight=1.0)),
    transfers=dict(
        _delete_=True,
        loss_pkt=dict(
            source='teacher.neck[-1]',
            target='student.neck[-1]',
            loss=dict(type='PKTLoss', loss_weight=30000 / 64),
        ),
    ),
)
