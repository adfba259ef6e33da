# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# IAKD-U on CIFAR-100, ResNet-44 -> ResNet-26, p = 0.9: Tables 1 and 4.
_base_ = './resnet44_resnet26_r_cifar100.py'

model = dict(interaction=dict(probability=0.9))
custom_hooks = [*_base_.custom_hooks, _base_.own_statistics]
