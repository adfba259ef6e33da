# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DPK on CIFAR-100, ResNet32x4 -> ResNet8x4: Table 1. The teacher was trained alone
# before, by `baselines/resnet32x4_240e_cifar100.py`.
_base_ = '../_base_/dpk_cifar100.py'

model = dict(
    streams=dict(
        teacher=dict(
            model=_base_.resnet32x4,
            checkpoint='work_dirs/resnet32x4_240e_cifar100/epoch_240.pth',
        ),
        student=dict(model=_base_.resnet8x4),
    ),
    transfers=dict(
        loss_dpk=dict(
            connector=dict(student_channels=256, teacher_channels=256, grid_size=8)
        )
    ),
)
