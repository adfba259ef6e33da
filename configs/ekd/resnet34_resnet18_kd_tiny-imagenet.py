# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# KD on Tiny-ImageNet, ResNet34 -> ResNet18: Table IV, "KD". By the schedule of EKD (ours:
# that of CRD's code is for CIFAR-100). The teacher is trained before, by
# `baselines/resnet34_tiny-imagenet.py`.
_base_ = [
    '../_base_/distill_cls_runtime.py',
    '../_base_/datasets/tiny_imagenet_bs64.py',
    '../_base_/models/kd.py',
    '../_base_/schedules/sgd_200e.py',
]

_own = dict(model=dict(head=dict(num_classes=200)), input_shape=(3, 224, 224))
model = dict(
    streams=dict(
        teacher=dict(
            config='mmpretrain::_base_/models/resnet34.py',
            checkpoint='work_dirs/resnet34_tiny-imagenet/epoch_200.pth',
            **_own,
        ),
        student=dict(config='mmpretrain::_base_/models/resnet18.py', **_own),
    )
)
randomness = dict(seed=5)
