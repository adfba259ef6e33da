# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# RetinaNet with half a ResNet-50 from scratch, alone: Table III, row
# "RetinaNet-ResNet50-half".
_base_ = [
    '../_base_/det_runtime.py',
    '../_base_/datasets/coco_667.py',
    'mmdet::_base_/models/retinanet_r50_fpn.py',
    '../_base_/models/halves_coco.py',
    '../_base_/schedules/adam_coco.py',
]

model = _base_.dense_half
