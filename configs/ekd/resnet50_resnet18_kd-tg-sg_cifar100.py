# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Table V, "KD+T_G+S_G": ResNet50 -> ResNet18 on CIFAR-100 from a teacher that was trained
# before with its guided modules, by `resnet50-guided_cifar100.py`.
_base_ = './resnet50_resnet18_cifar100.py'

model = dict(
    streams=dict(
        teacher=dict(
            frozen=True,
            checkpoint='work_dirs/resnet50-guided_cifar100/teacher_with-branches.pth',
        )
    )
)
