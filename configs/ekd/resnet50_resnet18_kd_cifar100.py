# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# KD by the recipe and weights of EKD (ours), to which the other rows of Table V add:
# ResNet50 -> ResNet18 on CIFAR-100 from a teacher that was trained before, by
# `baselines/resnet50_200e_cifar100.py`, and no guided modules. The figure of the table is
# that of `resnet50_resnet18_kd-crd_cifar100.py`.
_base_ = './resnet50_resnet18_cifar100.py'

model = dict(
    streams=dict(
        teacher=dict(
            frozen=True,
            checkpoint='work_dirs/resnet50_200e_cifar100/epoch_200.pth',
            branches=None,
        ),
        student=dict(branches=None),
    )
)
