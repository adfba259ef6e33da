# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# GFL with a narrow ResNet-18 on the digits, alone: a teacher.
_base_ = [
    '../_base_/det_runtime.py',
    '../_base_/datasets/digits_detection.py',
    '../_base_/models/gfl_r50.py',
    '../_base_/models/gfl_digits.py',
    '../_base_/schedules/adamw_digits.py',
]

model = _base_.gfl_digits
randomness = dict(seed=0)
