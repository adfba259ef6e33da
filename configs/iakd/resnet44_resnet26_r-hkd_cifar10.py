# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# IAKD-R + HKD on CIFAR-10, ResNet-44 -> ResNet-26: Table 7.
_base_ = './resnet44_resnet26_r_cifar10.py'

model = dict(transfers=dict(loss_hkd=_base_.hkd))
