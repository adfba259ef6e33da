# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# IAKD-L on CIFAR-10, ResNet-44 -> ResNet-26, p from 0.7: Table 1.
_base_ = './resnet44_resnet26_r_cifar10.py'

model = dict(interaction=dict(probability=dict(_base_.linear, start=0.7)))
