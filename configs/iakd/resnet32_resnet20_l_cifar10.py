# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# IAKD-L on CIFAR-10, ResNet-32 -> ResNet-20, p from 0.7: in small.
_base_ = './resnet32_resnet20_r_cifar10.py'

model = dict(interaction=dict(probability=dict(_base_.linear, start=0.7)))
