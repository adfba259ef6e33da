# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# EKD for a narrow ResNet-18 and its half, on images of 32x32.
_base_ = ['./ekd.py', './resnet18_32px.py']

_guided = dict(module=dict(out_channels=128))
model = dict(
    streams=dict(
        teacher=dict(model=_base_.resnet18, branches=_guided),
        student=dict(model=_base_.resnet18_half, branches=_guided),
    )
)
