# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DKD for FCOS on BCCD, ResNet-18 -> its half. The teacher was trained alone before, by
# `baselines/fcos_r18_bccd.py`.
_base_ = [
    '../_base_/distill_det_runtime.py',
    '../_base_/datasets/bccd.py',
    '../_base_/models/dkd_fcos_r18.py',
    '../_base_/schedules/dkd_sgd_24e.py',
]

_classes = dict(bbox_head=dict(num_classes=3))
model = dict(
    streams=dict(
        teacher=dict(model=_classes, checkpoint='work_dirs/fcos_r18_bccd/epoch_24.pth'),
        student=dict(model=_classes),
    )
)
randomness = dict(seed=0)
