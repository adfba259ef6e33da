# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DKD on the digits, a narrow ResNet-18 -> its half. The teacher was trained alone before, by
# `baselines/resnet18_digits.py`.
_base_ = [
    '../_base_/distill_cls_runtime.py',
    '../_base_/datasets/digits_classification.py',
    '../_base_/models/dkd_resnet18_32px.py',
    '../_base_/schedules/dkd_sgd_small_cls.py',
]

model = dict(
    streams=dict(teacher=dict(checkpoint='work_dirs/resnet18_digits/epoch_15.pth'))
)
randomness = dict(seed=0)
