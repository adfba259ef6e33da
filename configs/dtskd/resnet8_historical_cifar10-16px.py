# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# ResNet-8 on CIFAR-10 at 16x16: only historical distillation, alpha_1 = 1 and alpha_2 = 0.
_base_ = './resnet8_cifar10-16px.py'

model = dict(transfers=dict(loss_dtskd=dict(historical=1.0, structural=0.0)))
work_dir = 'work_dirs/dtskd_resnet8_historical_cifar10-16px'
