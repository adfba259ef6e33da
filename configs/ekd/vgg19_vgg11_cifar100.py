# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# EKD on CIFAR-100, VGG19(bn) -> VGG11(bn): Table I.
_base_ = '../_base_/ekd_cifar100.py'

model = dict(
    streams=dict(teacher=dict(model=_base_.vgg19), student=dict(model=_base_.vgg11))
)
