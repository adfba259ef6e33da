# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# ShuffleNet-v1 on CIFAR-100, alone: IAKD, the student of Table 2 (d). Its stages fit
# those of ResNet-50x4 (ours).
_base_ = '../_base_/plain_cifar100_iakd.py'

model = _base_.shufflenetv1_x4
