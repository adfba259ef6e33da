# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# IAKD-R on CIFAR-100, ResNet-56-bottleneck -> cheap ResNet-56-bottleneck: Table 2. The
# teacher was trained alone before, by `baselines/resnet56-bottleneck_iakd_cifar100.py`.
_base_ = '../_base_/iakd_cifar100.py'

model = dict(
    streams=dict(
        teacher=dict(
            model=_base_.resnet56_bottleneck,
            checkpoint='work_dirs/resnet56-bottleneck_iakd_cifar100/epoch_200.pth',
        ),
        student=dict(model=_base_.cheap_resnet56_bottleneck),
    )
)
