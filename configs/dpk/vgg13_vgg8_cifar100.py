# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DPK on CIFAR-100, VGG13 -> VGG8: Table 1. The teacher was trained alone before, by
# `baselines/vgg13_240e_cifar100.py`.
_base_ = '../_base_/dpk_cifar100.py'

model = dict(
    streams=dict(
        teacher=dict(
            model=_base_.vgg13,
            checkpoint='work_dirs/vgg13_240e_cifar100/epoch_240.pth',
        ),
        student=dict(model=_base_.vgg8),
    ),
    transfers=dict(
        loss_dpk=dict(
            connector=dict(student_channels=512, teacher_channels=512, grid_size=2)
        )
    ),
)
