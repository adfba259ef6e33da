# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# IAKD-U on CIFAR-100, ResNet-56-bottleneck -> cheap ResNet-56-bottleneck, p = 0.9: Table
# 2.
_base_ = './resnet56-bottleneck_cheap-resnet56-bottleneck_r_cifar100.py'

model = dict(interaction=dict(probability=0.9))
custom_hooks = [*_base_.custom_hooks, _base_.own_statistics]
