# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# cheap ResNet-56-bottleneck on CIFAR-100, alone: IAKD, the student of Table 2 (e).
_base_ = '../_base_/plain_cifar100_iakd.py'

model = _base_.cheap_resnet56_bottleneck
