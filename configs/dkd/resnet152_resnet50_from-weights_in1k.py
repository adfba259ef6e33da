# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DKD for ResNet152 -> ResNet50 from weights. The paper has this strategy for ResNet18
# only (Table I).
_base_ = './resnet152_resnet50_in1k.py'

model = dict(
    streams=dict(
        student=dict(
            checkpoint='https://download.openmmlab.com/mmclassification/v0/resnet/resnet50_8xb32_in1k_20210831-ea4938fc.pth'
        )
    )
)
