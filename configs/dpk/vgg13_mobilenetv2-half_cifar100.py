# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DPK on CIFAR-100, VGG13 -> MobileNetV2: Fig. 6. The teacher was trained alone before, by
# `baselines/vgg13_240e_cifar100.py`.
_base_ = '../_base_/dpk_cifar100.py'

model = dict(
    streams=dict(
        teacher=dict(
            model=_base_.vgg13,
            checkpoint='work_dirs/vgg13_240e_cifar100/epoch_240.pth',
        ),
        student=dict(model=_base_.mobilenetv2_half),
    ),
    transfers=dict(
        loss_dpk=dict(
            connector=dict(student_channels=1280, teacher_channels=512, grid_size=2)
        )
    ),
)
