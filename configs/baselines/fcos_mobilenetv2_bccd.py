# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# FCOS with a MobileNetV2 of half the width on BCCD, alone: a student of another family.
_base_ = [
    '../_base_/det_runtime.py',
    '../_base_/datasets/bccd.py',
    '../_base_/models/fcos_r50.py',
    '../_base_/models/fcos_r18.py',
    '../_base_/models/fcos_mobilenetv2.py',
    '../_base_/schedules/adamw_24e.py',
]

model = dict(_base_.fcos_r18_half, **_base_.mobilenetv2_half)
model['bbox_head']['num_classes'] = 3
randomness = dict(seed=0)
