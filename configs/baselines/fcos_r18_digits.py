# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# FCOS with a ResNet-18 on the digits, alone: the teacher of the demo.
_base_ = [
    '../_base_/det_runtime.py',
    '../_base_/datasets/digits_detection.py',
    '../_base_/models/fcos_r50.py',
    '../_base_/models/fcos_r18.py',
    '../_base_/schedules/sgd_24e.py',
]

model = dict(
    data_preprocessor=_base_.fcos_r18_half.data_preprocessor,
    backbone=_base_.fcos_r18_half.backbone,
    neck=_base_.fcos_r18_half.neck,
    bbox_head=dict(num_classes=10, **_base_.fcos_r18_half.bbox_head),
)
randomness = dict(seed=0)
