# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Table 9, Fixed Ratio (0.8): ShuffleNetV2 on CIFAR-100.
_base_ = './shufflenetv2_cifar100.py'

model = dict(transfers=dict(loss_dtskd=dict(beta=0.8)))
