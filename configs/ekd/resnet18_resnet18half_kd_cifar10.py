# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# KD on CIFAR-10, a narrow ResNet-18 -> its half, from a teacher that was trained before, by
# `baselines/resnet18_cifar10.py`, and without guided modules.
_base_ = './resnet18_resnet18half_cifar10.py'

model = dict(
    streams=dict(
        teacher=dict(
            frozen=True,
            checkpoint='work_dirs/resnet18_cifar10/epoch_15.pth',
            branches=None,
        ),
        student=dict(branches=None),
    )
)
work_dir = 'work_dirs/resnet18_resnet18half_kd_cifar10'
