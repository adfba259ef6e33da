# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DTSKD on ImageNet: Table 3, ResNet-18.
_base_ = '../_base_/dtskd_in1k.py'

model = dict(
    streams=dict(student=dict(config='mmpretrain::resnet/resnet18_8xb32_in1k.py')),
    stores=dict(history=dict(path='work_dirs/resnet18_in1k/history')),
)
