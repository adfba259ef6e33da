# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# EKD on CIFAR-100, ResNet50 -> ResNet50: Table I.
_base_ = '../_base_/ekd_cifar100.py'

model = dict(
    streams=dict(
        teacher=dict(model=_base_.resnet50),
        student=dict(model=_base_.resnet50),
    )
)
