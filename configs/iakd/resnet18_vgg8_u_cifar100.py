# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# IAKD-U on CIFAR-100, ResNet-18 -> VGG-8, p = 0.9: Table 2.
_base_ = './resnet18_vgg8_r_cifar100.py'

model = dict(interaction=dict(probability=0.9))
custom_hooks = [*_base_.custom_hooks, _base_.own_statistics]
