# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# VGG-8 on CIFAR-100, alone: IAKD, the student of Table 2 (b).
_base_ = '../_base_/plain_cifar100_iakd.py'

model = _base_.vgg8
