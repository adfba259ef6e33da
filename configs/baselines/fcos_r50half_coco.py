# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# FCOS with half a ResNet-50, alone: Table IV, row "ResNet50-half-FCOS".
_base_ = [
    '../_base_/det_runtime.py',
    '../_base_/datasets/coco_667.py',
    '../_base_/models/fcos_r50.py',
    '../_base_/models/halves_coco.py',
    '../_base_/schedules/adam_coco.py',
]

model = _base_.dense_half
