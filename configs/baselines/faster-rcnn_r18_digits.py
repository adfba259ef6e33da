# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Faster R-CNN with a narrow ResNet-18 on the digits, alone: a teacher.
_base_ = [
    '../_base_/det_runtime.py',
    '../_base_/datasets/digits_detection.py',
    'mmdet::_base_/models/faster-rcnn_r50_fpn.py',
    '../_base_/models/faster_rcnn_digits.py',
    '../_base_/schedules/adamw_digits.py',
]

model = _base_.faster_rcnn_digits
randomness = dict(seed=0)
