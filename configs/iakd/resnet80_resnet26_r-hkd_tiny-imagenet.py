# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# IAKD-R + HKD on Tiny-ImageNet, ResNet-80 -> ResNet-26: Table 7.
_base_ = './resnet80_resnet26_r_tiny-imagenet.py'

model = dict(transfers=dict(loss_hkd=_base_.hkd))
