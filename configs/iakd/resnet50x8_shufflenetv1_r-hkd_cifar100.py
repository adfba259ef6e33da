# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# IAKD-R + HKD on CIFAR-100, ResNet-50x8 -> ShuffleNet-v1: Table 9.
_base_ = './resnet50x8_shufflenetv1_r_cifar100.py'

model = dict(transfers=dict(loss_hkd=_base_.hkd))
