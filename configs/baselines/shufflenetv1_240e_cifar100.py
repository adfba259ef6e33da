# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# ShuffleNetV1 on CIFAR-100, alone, by the recipe of DPK: Table 1 or Fig. 6.
_base_ = '../_base_/plain_cifar100_240e.py'

model = _base_.shufflenetv1
