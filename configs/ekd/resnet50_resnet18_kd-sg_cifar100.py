# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Table V, "KD+S_G": ResNet50 -> ResNet18 on CIFAR-100 from a teacher that was trained
# before, by `baselines/resnet50_200e_cifar100.py`; guided modules on the student.
_base_ = './resnet50_resnet18_cifar100.py'

model = dict(
    streams=dict(
        teacher=dict(
            frozen=True,
            checkpoint='work_dirs/resnet50_200e_cifar100/epoch_200.pth',
            branches=None,
        )
    )
)
