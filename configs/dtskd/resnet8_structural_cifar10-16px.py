# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# ResNet-8 on CIFAR-10 at 16x16: only structural distillation: beta is 1, so that the label
# alone is the historical target.
_base_ = './resnet8_cifar10-16px.py'

model = dict(transfers=dict(loss_dtskd=dict(beta=1.0)))
work_dir = 'work_dirs/dtskd_resnet8_structural_cifar10-16px'
