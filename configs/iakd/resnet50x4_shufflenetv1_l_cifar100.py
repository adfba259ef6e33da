# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# IAKD-L on CIFAR-100, ResNet-50x4 -> ShuffleNet-v1, p from 0.3: Table 2.
_base_ = './resnet50x4_shufflenetv1_r_cifar100.py'

model = dict(interaction=dict(probability=dict(_base_.linear, start=0.3)))
