# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DTSKD for half a narrow ResNet-18, on images of 32x32.
_base_ = ['./dtskd.py', './resnet18_32px.py']

model = dict(streams=dict(student=dict(model=_base_.resnet18_half)))
