# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# VGG-19 on CIFAR-100, alone: IAKD, the teacher of Table 2 (c).
_base_ = '../_base_/plain_cifar100_iakd.py'

model = _base_.vgg19
