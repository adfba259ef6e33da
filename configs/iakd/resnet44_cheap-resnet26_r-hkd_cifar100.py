# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# IAKD-R + HKD on CIFAR-100, ResNet-44 -> cheap ResNet-26: Table 9.
_base_ = './resnet44_cheap-resnet26_r_cifar100.py'

model = dict(transfers=dict(loss_hkd=_base_.hkd))
