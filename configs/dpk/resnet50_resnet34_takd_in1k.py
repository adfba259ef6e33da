# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# TAKD on ImageNet, ResNet50 -> ResNet34: Table 11, the second teacher assistant. Its teacher
# is what `resnet101_resnet50_takd_in1k.py` exports.
_base_ = '../_base_/kd_in1k.py'

model = dict(
    streams=dict(
        teacher=dict(
            config='mmpretrain::resnet/resnet50_8xb32_in1k.py',
            checkpoint='work_dirs/resnet101_resnet50_takd_in1k/student.pth',
        ),
        student=dict(config='mmpretrain::resnet/resnet34_8xb32_in1k.py'),
    )
)
