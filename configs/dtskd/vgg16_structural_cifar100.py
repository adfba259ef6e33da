# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Table 6, VGG-16 on CIFAR-100: only structural distillation: beta is 1, so that
# the label alone is the historical target.
_base_ = './vgg16_cifar100.py'

model = dict(transfers=dict(loss_dtskd=dict(beta=1.0)))
