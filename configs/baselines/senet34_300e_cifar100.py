# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# SENet-34 on CIFAR-100, alone: DTSKD, Table 1, "Baseline".
_base_ = '../_base_/plain_cifar100_300e.py'

model = _base_.senet34
