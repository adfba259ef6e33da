# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# KD on ImageNet, EfficientNet-B0 -> ResNet18: Table 12 of DPK. Which sizes of teacher
# is ours.
_base_ = '../_base_/kd_in1k.py'

model = dict(
    streams=dict(
        teacher=dict(
            config='mmpretrain::efficientnet/efficientnet-b0_8xb32_in1k.py',
            checkpoint='https://download.openmmlab.com/mmclassification/v0/efficientnet/efficientnet-b0_3rdparty_8xb32_in1k_20220119-a7e2a0b1.pth',
        ),
        student=dict(config='mmpretrain::resnet/resnet18_8xb32_in1k.py'),
    )
)
