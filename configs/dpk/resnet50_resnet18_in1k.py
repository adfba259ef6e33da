# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DPK on ImageNet, ResNet50 -> ResNet18: Fig. 1.
_base_ = '../_base_/dpk_in1k.py'

model = dict(
    streams=dict(
        teacher=dict(
            config='mmpretrain::resnet/resnet50_8xb32_in1k.py',
            checkpoint='https://download.openmmlab.com/mmclassification/v0/resnet/resnet50_8xb32_in1k_20210831-ea4938fc.pth',
        ),
        student=dict(config='mmpretrain::resnet/resnet18_8xb32_in1k.py'),
    ),
    transfers=dict(
        loss_dpk=dict(connector=dict(student_channels=512, teacher_channels=2048))
    ),
)
