# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DPK on CIFAR-100, WRN-40-2 -> ShuffleNetV1: Fig. 6. The teacher was trained alone
# before, by `baselines/wrn40-2_240e_cifar100.py`. The student's feature gets the size of
# the teacher's (ours).
_base_ = '../_base_/dpk_cifar100.py'

model = dict(
    streams=dict(
        teacher=dict(
            model=_base_.wrn40_2,
            checkpoint='work_dirs/wrn40-2_240e_cifar100/epoch_240.pth',
        ),
        student=dict(model=_base_.shufflenetv1),
    ),
    transfers=dict(
        loss_dpk=dict(
            connector=dict(
                student_channels=960, teacher_channels=128, grid_size=8, resize=True
            )
        )
    ),
)
