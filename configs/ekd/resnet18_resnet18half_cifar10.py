# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# EKD on CIFAR-10, a narrow ResNet-18 -> its half, both from scratch.
_base_ = [
    '../_base_/distill_cls_runtime.py',
    '../_base_/datasets/cifar10_folders.py',
    '../_base_/models/ekd_resnet18_32px.py',
    '../_base_/schedules/sgd_15e.py',
]

randomness = dict(seed=0)
# `dkd/` has a config of the same name.
work_dir = 'work_dirs/ekd_resnet18_resnet18half_cifar10'
