# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# KD on CIFAR-100 at 16x16, ResNet50 -> ResNet18: beside Fig. 6. The teacher is trained
# before, by `baselines/resnet50_16px_240e_cifar100.py`, at 16x16 too (ours).
_base_ = [
    '../_base_/distill_cls_runtime.py',
    '../_base_/datasets/cifar100_16px_bs64.py',
    '../_base_/models/kd.py',
    '../_base_/models/cifar_backbones.py',
    '../_base_/schedules/sgd_240e.py',
]

_shape = (3, 16, 16)
model = dict(
    streams=dict(
        teacher=dict(
            model=_base_.resnet50,
            checkpoint='work_dirs/resnet50_16px_240e_cifar100/epoch_240.pth',
            input_shape=_shape,
        ),
        student=dict(model=_base_.resnet18, input_shape=_shape),
    )
)
randomness = dict(seed=5)
