# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# IAKD-U on CIFAR-100, VGG-19 -> VGG-11, p = 0.9: Table 2.
_base_ = './vgg19_vgg11_r_cifar100.py'

model = dict(interaction=dict(probability=0.9))
custom_hooks = [*_base_.custom_hooks, _base_.own_statistics]
