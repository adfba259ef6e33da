# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# VGG11(bn) on CIFAR-10, alone, by the recipe of EKD: beside Fig. 5.
_base_ = [
    '../_base_/cls_runtime.py',
    '../_base_/datasets/cifar10_bs64.py',
    '../_base_/models/cifar_backbones_10.py',
    '../_base_/schedules/sgd_200e.py',
]

model = _base_.vgg11
val_cfg = dict()
test_cfg = dict()
randomness = dict(seed=5)
