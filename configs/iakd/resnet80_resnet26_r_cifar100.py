# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# IAKD-R on CIFAR-100, ResNet-80 -> ResNet-26: Table 5. The teacher was trained alone
# before, by `baselines/resnet80_iakd_cifar100.py`.
_base_ = '../_base_/iakd_cifar100.py'

model = dict(
    streams=dict(
        teacher=dict(
            model=_base_.resnet80,
            checkpoint='work_dirs/resnet80_iakd_cifar100/epoch_200.pth',
        ),
        student=dict(model=_base_.resnet26),
    )
)
