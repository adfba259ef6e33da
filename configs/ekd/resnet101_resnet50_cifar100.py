# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# EKD on CIFAR-100, ResNet101 -> ResNet50: Table I.
_base_ = '../_base_/ekd_cifar100.py'

_guided = dict(module=dict(out_channels=2048))
model = dict(
    streams=dict(
        teacher=dict(model=_base_.resnet101, branches=_guided),
        student=dict(model=_base_.resnet50, branches=_guided),
    )
)
