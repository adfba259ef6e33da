# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# IAKD-L on CIFAR-100, ResNet-56-bottleneck -> cheap ResNet-56-bottleneck, p from 0.3:
# Table 2.
_base_ = './resnet56-bottleneck_cheap-resnet56-bottleneck_r_cifar100.py'

model = dict(interaction=dict(probability=dict(_base_.linear, start=0.3)))
