# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Half a narrow ResNet-18 on CIFAR-10: only structural distillation: beta is 1, so that
# the label alone is the historical target.
_base_ = './resnet18half_cifar10.py'

model = dict(transfers=dict(loss_dtskd=dict(beta=1.0)))
work_dir = 'work_dirs/resnet18half_structural_cifar10'
