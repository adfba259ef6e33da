# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# ShuffleNetV2 on CIFAR-100, alone: DTSKD, Table 1, "Baseline".
_base_ = '../_base_/plain_cifar100_300e.py'

model = _base_.shufflenetv2_3x3
