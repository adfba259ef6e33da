# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# BYOT on the digits, half a narrow ResNet-18 that teaches itself.
_base_ = [
    '../_base_/distill_cls_runtime.py',
    '../_base_/datasets/digits_classification.py',
    '../_base_/models/byot.py',
    '../_base_/models/resnet18_32px.py',
    '../_base_/schedules/sgd_15e.py',
]

_guided = dict(module=dict(out_channels=128))
model = dict(
    streams=dict(student=dict(model=_base_.resnet18_half, branches=_guided)),
)
randomness = dict(seed=0)
