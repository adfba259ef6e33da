# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# IAKD-R + HKD on CIFAR-100, VGG-19 -> VGG-11: Table 9.
_base_ = './vgg19_vgg11_r_cifar100.py'

model = dict(transfers=dict(loss_hkd=_base_.hkd))
