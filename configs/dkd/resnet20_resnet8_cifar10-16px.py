# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DKD on CIFAR-10 at 16x16, ResNet-20 -> ResNet-8.
_base_ = [
    '../_base_/distill_cls_runtime.py',
    '../_base_/datasets/cifar10_16px.py',
    '../_base_/models/dkd_cls.py',
    '../_base_/models/resnet20_resnet8_16px.py',
    '../_base_/schedules/dkd_sgd_30e.py',
]

model = dict(streams=_base_.trained_pair)
randomness = dict(seed=0)
