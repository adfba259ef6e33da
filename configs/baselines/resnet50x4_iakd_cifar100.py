# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# ResNet-50x4 on CIFAR-100, alone: IAKD, the teacher of Table 2 (d).
_base_ = '../_base_/plain_cifar100_iakd.py'

model = _base_.resnet50x4
