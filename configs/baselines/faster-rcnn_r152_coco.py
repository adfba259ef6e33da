# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Faster R-CNN with a ResNet-152, alone: a teacher of DPK's Table 4.
_base_ = [
    '../_base_/det_runtime.py',
    '../_base_/datasets/coco_detection.py',
    'mmdet::_base_/models/faster-rcnn_r50_fpn.py',
    '../_base_/models/backbones_coco.py',
    '../_base_/schedules/sgd_2x_coco.py',
]

model = dict(backbone=_base_.resnet152)
