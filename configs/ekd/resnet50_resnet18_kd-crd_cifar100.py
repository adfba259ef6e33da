# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# KD as the paper has it, ResNet50 -> ResNet18 on CIFAR-100: Table I and, from there, Table
# V, "KD", by the hyper-parameters of CRD's code (sections III-C, IV-B). The teacher is
# trained before, by `baselines/resnet50_240e_cifar100.py`.
_base_ = '../_base_/kd_cifar100.py'

model = dict(
    streams=dict(
        teacher=dict(
            model=_base_.resnet50,
            checkpoint='work_dirs/resnet50_240e_cifar100/epoch_240.pth',
        ),
        student=dict(model=_base_.resnet18),
    )
)
randomness = dict(seed=5)
