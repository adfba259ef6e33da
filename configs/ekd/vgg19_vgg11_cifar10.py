# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# EKD on CIFAR-10, VGG19(bn) -> VGG11(bn): Fig. 5, all losses.
_base_ = [
    '../_base_/dkd_cls_runtime.py',
    '../_base_/datasets/cifar10_full.py',
    '../_base_/models/ekd.py',
    '../_base_/models/cifar_backbones.py',
    '../_base_/schedules/sgd_200e.py',
]

_ten = dict(_base_.vgg11.head, num_classes=10)
model = dict(
    streams=dict(
        teacher=dict(model=dict(_base_.vgg19, head=_ten)),
        student=dict(model=dict(_base_.vgg11, head=_ten)),
    )
)
randomness = dict(seed=5)  # section III-C
