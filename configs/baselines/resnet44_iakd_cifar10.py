# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# ResNet-44 on CIFAR-10, alone: IAKD, the teacher of Tables 1, 3, 5 and 7.
_base_ = '../_base_/plain_cifar10_iakd.py'

model = _base_.resnet44
