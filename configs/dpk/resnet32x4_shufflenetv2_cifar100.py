# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DPK on CIFAR-100, ResNet32x4 -> ShuffleNetV2: Fig. 6. The teacher was trained alone
# before, by `baselines/resnet32x4_240e_cifar100.py`. The student's feature gets the size
# of the teacher's (ours).
_base_ = '../_base_/dpk_cifar100.py'

model = dict(
    streams=dict(
        teacher=dict(
            model=_base_.resnet32x4,
            checkpoint='work_dirs/resnet32x4_240e_cifar100/epoch_240.pth',
        ),
        student=dict(model=_base_.shufflenetv2),
    ),
    transfers=dict(
        loss_dpk=dict(
            connector=dict(
                student_channels=1024, teacher_channels=256, grid_size=8, resize=True
            )
        )
    ),
)
