# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# IAKD-R on CIFAR-10, ResNet-32 -> ResNet-20. The teacher was trained alone before, by
# `baselines/resnet32_cifar10.py`.
_base_ = [
    '../_base_/iakd_cls_runtime.py',
    '../_base_/datasets/cifar10_folders.py',
    '../_base_/models/iakd_resnet32_resnet20_32px.py',
    '../_base_/schedules/sgd_15e.py',
]

model = dict(
    streams=dict(teacher=dict(checkpoint='work_dirs/resnet32_cifar10/epoch_15.pth'))
)
randomness = dict(seed=0)
