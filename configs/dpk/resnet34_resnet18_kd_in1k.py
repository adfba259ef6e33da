# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# KD on ImageNet, ResNet34 -> ResNet18: beside Table 2, and for Table 15, whose teachers are
# other checkpoints of one network or other networks.
_base_ = '../_base_/kd_in1k.py'

model = dict(
    streams=dict(
        teacher=dict(
            config='mmpretrain::resnet/resnet34_8xb32_in1k.py',
            checkpoint='https://download.openmmlab.com/mmclassification/v0/resnet/resnet34_8xb32_in1k_20210831-f257d4e6.pth',
        ),
        student=dict(config='mmpretrain::resnet/resnet18_8xb32_in1k.py'),
    )
)
