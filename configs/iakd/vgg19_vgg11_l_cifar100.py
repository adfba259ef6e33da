# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# IAKD-L on CIFAR-100, VGG-19 -> VGG-11, p from 0.3: Table 2.
_base_ = './vgg19_vgg11_r_cifar100.py'

model = dict(interaction=dict(probability=dict(_base_.linear, start=0.3)))
