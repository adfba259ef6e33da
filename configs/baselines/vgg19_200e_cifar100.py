# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# VGG19(bn) on CIFAR-100, alone: EKD, Table I.
_base_ = '../_base_/plain_cifar100_200e.py'

model = _base_.vgg19
