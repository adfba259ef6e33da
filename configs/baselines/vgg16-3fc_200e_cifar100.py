# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# VGG16(bn) with three fully connected layers on CIFAR-100, alone: EKD, Table III,
# "Baseline".
_base_ = '../_base_/plain_cifar100_200e.py'

model = _base_.vgg16_3fc
