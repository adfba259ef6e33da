# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# EKD on CIFAR-100 at 16x16, ResNet50 -> ResNet18: Fig. 6.
_base_ = [
    '../_base_/distill_cls_runtime.py',
    '../_base_/datasets/cifar100_16px_bs64.py',
    '../_base_/models/ekd.py',
    '../_base_/models/cifar_backbones.py',
    '../_base_/schedules/sgd_200e.py',
]

_shape = (3, 16, 16)
model = dict(
    streams=dict(
        teacher=dict(model=_base_.resnet50, input_shape=_shape),
        student=dict(model=_base_.resnet18, input_shape=_shape),
    )
)
randomness = dict(seed=5)  # section III-C
