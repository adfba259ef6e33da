# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# VGG-16 with three fully connected layers on CIFAR-100, alone, beside
# `dtskd/vgg16-3fc_cifar100.py`.
_base_ = '../_base_/plain_cifar100_300e.py'

model = _base_.vgg16_3fc
