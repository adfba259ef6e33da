# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# TAKD on ImageNet, ResNet34 -> ResNet18: Table 11, the student. Its teacher is what
# `resnet50_resnet34_takd_in1k.py` exports.
_base_ = './resnet34_resnet18_kd_in1k.py'

model = dict(
    streams=dict(
        teacher=dict(checkpoint='work_dirs/resnet50_resnet34_takd_in1k/student.pth')
    )
)
