# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# EKD on CIFAR-10, VGG19(bn) -> VGG11(bn): Fig. 5, all losses.
_base_ = [
    '../_base_/distill_cls_runtime.py',
    '../_base_/datasets/cifar10_bs64.py',
    '../_base_/models/ekd.py',
    '../_base_/models/cifar_backbones_10.py',
    '../_base_/schedules/sgd_200e.py',
]

model = dict(
    streams=dict(teacher=dict(model=_base_.vgg19), student=dict(model=_base_.vgg11))
)
randomness = dict(seed=5)  # section III-C
