# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Online distillation among three students from scratch on the digits, halves of a narrow
# ResNet-18: each learns from the two others.
_base_ = '../kd/resnet18half_resnet18half_dml_digits.py'

model = dict(
    streams=dict(
        third=dict(model=_base_.resnet18_half, input_shape=(3, 32, 32)),
    ),
    transfers=dict(loss_dml=dict(streams=['student', 'second', 'third'])),
)
