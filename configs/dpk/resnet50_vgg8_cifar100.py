# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DPK on CIFAR-100, ResNet50 -> VGG8: Fig. 6. The teacher was trained alone before, by
# `baselines/resnet50_240e_cifar100.py`. The student's feature gets the size of the
# teacher's (ours).
_base_ = '../_base_/dpk_cifar100.py'

model = dict(
    streams=dict(
        teacher=dict(
            model=_base_.resnet50,
            checkpoint='work_dirs/resnet50_240e_cifar100/epoch_240.pth',
        ),
        student=dict(model=_base_.vgg8),
    ),
    transfers=dict(
        loss_dpk=dict(
            connector=dict(
                student_channels=512, teacher_channels=2048, grid_size=4, resize=True
            )
        )
    ),
)
