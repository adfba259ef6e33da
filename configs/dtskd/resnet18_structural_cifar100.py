# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Table 6, ResNet-18 on CIFAR-100: only structural distillation: beta is 1, so that
# the label alone is the historical target.
_base_ = './resnet18_cifar100.py'

model = dict(transfers=dict(loss_dtskd=dict(beta=1.0)))
