# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DPK on CIFAR-10, a narrow ResNet-18 -> its half, with a fixed ratio of 0.25.
_base_ = './resnet18_resnet18half_cifar10.py'

model = dict(transfers=dict(loss_dpk=dict(connector=dict(ratio=0.25))))
work_dir = 'work_dirs/dpk_resnet18_resnet18half_fixed025_cifar10'
