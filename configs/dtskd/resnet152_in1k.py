# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DTSKD on ImageNet: ResNet-152, the backbone of Table 4.
# The paper has no hyper-parameters for it: those of Table 3 (ours).
_base_ = '../_base_/dtskd_in1k.py'

model = dict(
    streams=dict(student=dict(config='mmpretrain::resnet/resnet152_8xb32_in1k.py')),
    stores=dict(history=dict(path='work_dirs/resnet152_in1k/history')),
)
