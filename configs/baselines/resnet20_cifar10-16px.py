# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# ResNet-20 on CIFAR-10 at 16x16, alone: the teacher of the comparison of all methods.
_base_ = [
    '../_base_/cls_runtime.py',
    '../_base_/datasets/cifar10_16px.py',
    '../_base_/models/cifar_backbones_10.py',
    '../_base_/schedules/sgd_30e.py',
]

model = _base_.resnet20
val_cfg = dict()
test_cfg = dict()
randomness = dict(seed=0)
