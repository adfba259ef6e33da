# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# KD on CIFAR-100 by the recipe of CRD's code, ResNet56 -> ResNet20: Table 1 of DPK.
# The teacher was trained alone before, by `baselines/resnet56_240e_cifar100.py`.
_base_ = '../_base_/kd_cifar100.py'

model = dict(
    streams=dict(
        teacher=dict(
            model=_base_.resnet56,
            checkpoint='work_dirs/resnet56_240e_cifar100/epoch_240.pth',
        ),
        student=dict(model=_base_.resnet20),
    )
)
