# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# GFL with half that ResNet-18 on the digits, alone: a student.
_base_ = [
    '../_base_/det_runtime.py',
    '../_base_/datasets/digits_detection.py',
    '../_base_/models/gfl_r50.py',
    '../_base_/models/gfl_digits.py',
    '../_base_/schedules/adamw_digits.py',
]

model = _base_.gfl_digits_half
randomness = dict(seed=0)
