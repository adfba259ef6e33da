# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# IAKD-R on CIFAR-100, VGG-19 -> VGG-11: Tables 2 and 9. The teacher was trained alone
# before, by `baselines/vgg19_iakd_cifar100.py`.
_base_ = '../_base_/iakd_cifar100.py'

model = dict(
    streams=dict(
        teacher=dict(
            model=_base_.vgg19,
            checkpoint='work_dirs/vgg19_iakd_cifar100/epoch_200.pth',
        ),
        student=dict(model=_base_.vgg11),
    )
)
