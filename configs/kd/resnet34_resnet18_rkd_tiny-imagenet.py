# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Table IV of EKD, ResNet34 -> ResNet18 on Tiny-ImageNet. RKD: distances and angles
# between the images of a batch, with the weights of CRD's code.
_base_ = '../ekd/resnet34_resnet18_kd_tiny-imagenet.py'

model = dict(
    streams=dict(student=dict(loss_weight=1.0)),
    transfers=dict(
        _delete_=True,
        loss_rkd=dict(
            source='teacher.neck[-1]',
            target='student.neck[-1]',
            loss=dict(type='RKDLoss', distance=25.0, angle=50.0),
        ),
    ),
)
