# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# IAKD-R + HKD on CIFAR-10 at 16x16, ResNet-20 -> ResNet-8.
_base_ = './resnet20_resnet8_r_cifar10-16px.py'

model = dict(transfers=dict(loss_hkd=_base_.hkd))
