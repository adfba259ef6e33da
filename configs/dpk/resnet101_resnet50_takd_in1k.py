# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# TAKD on ImageNet, ResNet101 -> ResNet50: Table 11, the first teacher assistant. The weights
# of KD are ours.
_base_ = '../_base_/kd_in1k.py'

model = dict(
    streams=dict(
        teacher=dict(
            config='mmpretrain::resnet/resnet101_8xb32_in1k.py',
            checkpoint='https://download.openmmlab.com/mmclassification/v0/resnet/resnet101_8xb32_in1k_20210831-539c63f8.pth',
        ),
        student=dict(config='mmpretrain::resnet/resnet50_8xb32_in1k.py'),
    )
)
