# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# ResNet-44 on CIFAR-100, alone: IAKD, the teacher of Tables 1, 2, 4, 5, 7 and 9.
_base_ = '../_base_/plain_cifar100_iakd.py'

model = _base_.resnet44
