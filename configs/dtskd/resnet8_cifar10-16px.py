# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DTSKD on CIFAR-10 at 16x16, ResNet-8.
_base_ = [
    '../_base_/dtskd_cls_runtime.py',
    '../_base_/datasets/cifar10_16px.py',
    '../_base_/models/dtskd.py',
    '../_base_/models/cifar_backbones_10.py',
    '../_base_/schedules/sgd_30e.py',
]

model = dict(
    streams=dict(
        student=dict(model=_base_.resnet8, input_shape=(3, 16, 16), channels_last=True)
    )
)
randomness = dict(seed=0)
work_dir = 'work_dirs/dtskd_resnet8_cifar10-16px'
