# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# ResNet-32 on CIFAR-10, alone: the teacher of IAKD in small.
_base_ = [
    '../_base_/cls_runtime.py',
    '../_base_/datasets/cifar10_folders.py',
    '../_base_/models/cifar_backbones_10.py',
    '../_base_/schedules/sgd_small_cls.py',
]

model = _base_.resnet32
randomness = dict(seed=0)
