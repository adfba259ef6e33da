# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# IAKD-R + HKD on CIFAR-100, ResNet-18 -> VGG-8: Table 9.
_base_ = './resnet18_vgg8_r_cifar100.py'

model = dict(transfers=dict(loss_hkd=_base_.hkd))
