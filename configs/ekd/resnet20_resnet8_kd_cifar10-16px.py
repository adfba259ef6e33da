# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# KD (T = 4) on CIFAR-10 at 16x16, ResNet-20 -> ResNet-8: the control of the other methods.
_base_ = [
    '../_base_/distill_cls_runtime.py',
    '../_base_/datasets/cifar10_16px.py',
    '../_base_/models/kd.py',
    '../_base_/models/resnet20_resnet8_16px.py',
    '../_base_/schedules/sgd_30e.py',
]

model = dict(streams=_base_.trained_pair)
randomness = dict(seed=0)
