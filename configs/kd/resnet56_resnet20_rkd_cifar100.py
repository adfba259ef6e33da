# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Table 1 of DPK, ResNet56 -> ResNet20. RKD: distances and angles between the images
# of a batch, with the weights of CRD's code.
_base_ = './resnet56_resnet20_kd_cifar100.py'

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
