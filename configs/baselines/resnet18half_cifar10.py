# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Half a narrow ResNet-18 on CIFAR-10, alone: the student.
_base_ = [
    '../_base_/cls_runtime.py',
    '../_base_/datasets/cifar10_folders.py',
    '../_base_/models/resnet18_32px.py',
    '../_base_/schedules/sgd_small_cls.py',
]

model = _base_.resnet18_half
randomness = dict(seed=0)
