# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# IAKD-U on CIFAR-10, ResNet-32 -> ResNet-20, p = 0.9: in small.
_base_ = './resnet32_resnet20_r_cifar10.py'

model = dict(interaction=dict(probability=0.9))
custom_hooks = [*_base_.custom_hooks, _base_.own_statistics]
