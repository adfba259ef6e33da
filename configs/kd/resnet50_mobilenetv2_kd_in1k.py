# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# KD on ImageNet, ResNet50 -> MobileNetV2: Table 3 of DPK.
_base_ = '../_base_/kd_in1k.py'

model = dict(
    streams=dict(
        teacher=dict(
            config='mmpretrain::resnet/resnet50_8xb32_in1k.py',
            checkpoint='https://download.openmmlab.com/mmclassification/v0/resnet/resnet50_8xb32_in1k_20210831-ea4938fc.pth',
        ),
        student=dict(config='mmpretrain::mobilenet_v2/mobilenet-v2_8xb32_in1k.py'),
    )
)
