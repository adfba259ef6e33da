# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# EKD on CIFAR-10 at 16x16, ResNet-20 -> ResNet-8, both from scratch.
_base_ = [
    '../_base_/distill_cls_runtime.py',
    '../_base_/datasets/cifar10_16px.py',
    '../_base_/models/ekd.py',
    '../_base_/models/resnet20_resnet8_16px.py',
    '../_base_/schedules/sgd_30e.py',
]

_guided = dict(branches=dict(module=dict(out_channels=64)))
model = dict(
    streams=dict(
        teacher=dict(_base_.pair.teacher, **_guided),
        student=dict(_base_.pair.student, **_guided),
    )
)
randomness = dict(seed=0)
work_dir = 'work_dirs/ekd_resnet20_resnet8_cifar10-16px'
