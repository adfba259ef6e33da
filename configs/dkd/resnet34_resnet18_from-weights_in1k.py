# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DKD for ResNet34 -> ResNet18 from weights: Table I, "From weight+Dynamic". The paper names
# no other learning rate for it than the 0.1 of section IV-B.
_base_ = './resnet34_resnet18_in1k.py'

model = dict(
    streams=dict(
        student=dict(
            checkpoint='https://download.openmmlab.com/mmclassification/v0/resnet/resnet18_8xb32_in1k_20210831-fbbb1da6.pth'
        )
    )
)
