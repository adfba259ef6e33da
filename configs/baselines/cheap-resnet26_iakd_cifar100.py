# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# cheap ResNet-26 on CIFAR-100, alone: IAKD, the student of Table 2 (a).
_base_ = '../_base_/plain_cifar100_iakd.py'

model = _base_.cheap_resnet26
