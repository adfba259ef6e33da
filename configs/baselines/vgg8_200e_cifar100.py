# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# VGG8(bn) on CIFAR-100, alone: EKD, Table II.
_base_ = '../_base_/plain_cifar100_200e.py'

model = _base_.vgg8
