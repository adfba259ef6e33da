# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# FCOS with a narrow ResNet-18 on the digits, alone: the teacher of the demo.
_base_ = [
    '../_base_/det_runtime.py',
    '../_base_/datasets/digits_detection.py',
    '../_base_/models/fcos_r50.py',
    '../_base_/models/fcos_digits.py',
    '../_base_/schedules/adamw_digits.py',
]

model = _base_.fcos_digits
randomness = dict(seed=0)
