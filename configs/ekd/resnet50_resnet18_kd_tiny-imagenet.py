# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# KD on Tiny-ImageNet, ResNet50 -> ResNet18: Fig. 3. The teacher is trained before, by
# `baselines/resnet50_tiny-imagenet.py`.
_base_ = './resnet34_resnet18_kd_tiny-imagenet.py'

model = dict(
    streams=dict(
        teacher=dict(
            config='mmpretrain::_base_/models/resnet50.py',
            checkpoint='work_dirs/resnet50_tiny-imagenet/epoch_200.pth',
        )
    )
)
