# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# IAKD-U on CIFAR-10 at 16x16, ResNet-20 -> ResNet-8, p = 0.9.
_base_ = './resnet20_resnet8_r_cifar10-16px.py'

model = dict(interaction=dict(probability=0.9))
custom_hooks = [*_base_.custom_hooks, _base_.own_statistics]
