# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# IAKD-U on CIFAR-100, ResNet-50x4 -> ShuffleNet-v1, p = 0.9: Table 2.
_base_ = './resnet50x4_shufflenetv1_r_cifar100.py'

model = dict(interaction=dict(probability=0.9))
custom_hooks = [*_base_.custom_hooks, _base_.own_statistics]
