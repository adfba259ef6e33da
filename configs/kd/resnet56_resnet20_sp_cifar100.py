# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Table 1 of DPK, ResNet56 -> ResNet20. SP: similarities of the images of a batch, by
# the last stage. The weight is that of CRD's code.
_base_ = './resnet56_resnet20_kd_cifar100.py'

model = dict(
    streams=dict(student=dict(loss_weight=1.0)),
    transfers=dict(
        _delete_=True,
        loss_sp=dict(
            source='teacher.backbone.layer3',
            target='student.backbone.layer3',
            loss=dict(type='SPLoss', loss_weight=3000.0),
        ),
    ),
)
