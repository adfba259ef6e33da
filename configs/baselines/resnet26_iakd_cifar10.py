# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# ResNet-26 on CIFAR-10, alone: IAKD, the student of Tables 1, 3, 5 and 7.
_base_ = '../_base_/plain_cifar10_iakd.py'

model = _base_.resnet26
