# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Faster R-CNN with half a ResNet-50, alone. Not in the paper.
_base_ = [
    '../_base_/det_runtime.py',
    '../_base_/datasets/coco_667.py',
    'mmdet::_base_/models/faster-rcnn_r50_fpn.py',
    '../_base_/models/halves_coco.py',
    '../_base_/schedules/adam_coco.py',
]

model = _base_.faster_rcnn_half
