# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# EKD on CIFAR-100, ResNet18 -> ResNet18: Table I.
_base_ = '../_base_/ekd_cifar100.py'

model = dict(
    streams=dict(
        teacher=dict(model=_base_.resnet18), student=dict(model=_base_.resnet18)
    )
)
