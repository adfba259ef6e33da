# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# IAKD-U on CIFAR-10, ResNet-44 -> ResNet-26, p = 0.7: Table 3.
_base_ = './resnet44_resnet26_r_cifar10.py'

model = dict(interaction=dict(probability=0.7))
custom_hooks = [*_base_.custom_hooks, _base_.own_statistics]
