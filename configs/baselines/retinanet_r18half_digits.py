# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# RetinaNet with half that ResNet-18 on the digits, alone: a student.
_base_ = [
    '../_base_/det_runtime.py',
    '../_base_/datasets/digits_detection.py',
    'mmdet::_base_/models/retinanet_r50_fpn.py',
    '../_base_/models/retinanet_digits.py',
    '../_base_/schedules/adamw_digits.py',
]

model = _base_.retinanet_digits_half
randomness = dict(seed=0)
