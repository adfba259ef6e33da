# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# IAKD-L on CIFAR-100, ResNet-44 -> ResNet-26, p from 0.3: Table 1.
_base_ = './resnet44_resnet26_r_cifar100.py'

model = dict(interaction=dict(probability=dict(_base_.linear, start=0.3)))
