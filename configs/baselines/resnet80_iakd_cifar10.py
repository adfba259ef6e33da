# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# ResNet-80 on CIFAR-10, alone: IAKD, the teacher of Table 5.
_base_ = '../_base_/plain_cifar10_iakd.py'

model = _base_.resnet80
