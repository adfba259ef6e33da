# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# A frozen narrow ResNet-18 and its half, on images of 32x32. What inherits from it gives the
# transfers.
_base_ = './resnet18_32px.py'

model = dict(
    type='dynkd.Distillation',
    streams=dict(
        teacher=dict(model=_base_.resnet18, frozen=True, input_shape=(3, 32, 32)),
        student=dict(model=_base_.resnet18_half, input_shape=(3, 32, 32)),
    ),
)
