# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# KD on CIFAR-100 by the recipe of CRD's code, ResNet18 -> VGG8: Table II of EKD. The
# teacher was trained alone before, by `baselines/resnet18_200e_cifar100.py` (ours:
# with EKD's schedule).
_base_ = '../_base_/kd_cifar100.py'

model = dict(
    streams=dict(
        teacher=dict(
            model=_base_.resnet18,
            checkpoint='work_dirs/resnet18_200e_cifar100/epoch_200.pth',
        ),
        student=dict(model=_base_.vgg8),
    )
)
randomness = dict(seed=5)
