# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Half a narrow ResNet-18 on CIFAR-10: only historical distillation, alpha_1 = 1 and
# alpha_2 = 0.
_base_ = './resnet18half_cifar10.py'

model = dict(transfers=dict(loss_dtskd=dict(historical=1.0, structural=0.0)))
work_dir = 'work_dirs/resnet18half_historical_cifar10'
