# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DPK on CIFAR-10, a narrow ResNet-18 -> its half. The teacher was trained alone before,
# by `baselines/resnet18_cifar10.py`.
_base_ = [
    '../_base_/distill_cls_runtime.py',
    '../_base_/datasets/cifar10_folders.py',
    '../_base_/models/dpk_resnet18_32px.py',
    '../_base_/schedules/sgd_15e.py',
]

model = dict(
    streams=dict(teacher=dict(checkpoint='work_dirs/resnet18_cifar10/epoch_15.pth'))
)
randomness = dict(seed=0)
# `dkd/` has a config of the same name.
work_dir = 'work_dirs/dpk_resnet18_resnet18half_cifar10'
