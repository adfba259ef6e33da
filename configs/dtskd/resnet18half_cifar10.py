# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DTSKD on CIFAR-10, half a narrow ResNet-18.
_base_ = [
    '../_base_/dtskd_cls_runtime.py',
    '../_base_/datasets/cifar10_folders.py',
    '../_base_/models/dtskd_resnet18half_32px.py',
    '../_base_/schedules/sgd_15e.py',
]

randomness = dict(seed=0)
# `baselines/` has a config of the same name.
work_dir = 'work_dirs/dtskd_resnet18half_cifar10'
