# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# IAKD-R on CIFAR-100, ResNet-50x8 -> ShuffleNet-v1: Table 9. The teacher was trained
# alone before, by `baselines/resnet50x8_iakd_cifar100.py`.
_base_ = '../_base_/iakd_cifar100.py'

model = dict(
    streams=dict(
        teacher=dict(
            model=_base_.resnet50x8,
            checkpoint='work_dirs/resnet50x8_iakd_cifar100/epoch_200.pth',
        ),
        student=dict(model=_base_.shufflenetv1_x8),
    )
)
