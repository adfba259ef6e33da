# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DPK on CIFAR-100, ResNet110 -> ResNet32: Table 1. The teacher was trained alone before,
# by `baselines/resnet110_240e_cifar100.py`.
_base_ = '../_base_/dpk_cifar100.py'

model = dict(
    streams=dict(
        teacher=dict(
            model=_base_.resnet110,
            checkpoint='work_dirs/resnet110_240e_cifar100/epoch_240.pth',
        ),
        student=dict(model=_base_.resnet32),
    ),
    transfers=dict(
        loss_dpk=dict(
            connector=dict(student_channels=64, teacher_channels=64, grid_size=8)
        )
    ),
)
