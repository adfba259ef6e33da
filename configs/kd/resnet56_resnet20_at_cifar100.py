# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Table 1 of DPK, ResNet56 -> ResNet20. AT: attention maps of all stages. The weight
# is that of CRD's code.
_base_ = './resnet56_resnet20_kd_cifar100.py'

stages = ['backbone.layer1', 'backbone.layer2', 'backbone.layer3']
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
