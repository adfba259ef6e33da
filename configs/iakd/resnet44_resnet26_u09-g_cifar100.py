# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# IAKD-U-G on CIFAR-100, ResNet-44 -> ResNet-26, p = 0.9: Table 4. A student's group of
# blocks changes places with the teacher's.
_base_ = './resnet44_resnet26_r_cifar100.py'

model = dict(interaction=dict(probability=0.9, level='group'))
custom_hooks = [*_base_.custom_hooks, _base_.own_statistics]
