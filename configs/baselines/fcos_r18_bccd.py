# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# FCOS with a ResNet-18 on BCCD, alone: the teacher.
_base_ = [
    '../_base_/det_runtime.py',
    '../_base_/datasets/bccd.py',
    '../_base_/models/fcos_r50.py',
    '../_base_/models/fcos_r18.py',
    '../_base_/schedules/sgd_24e.py',
]

model = _base_.fcos_r18
model.bbox_head.num_classes = 3
randomness = dict(seed=0)
