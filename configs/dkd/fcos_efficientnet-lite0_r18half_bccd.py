# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DKD for FCOS on BCCD, EfficientNet-Lite0 -> half a ResNet-18, with the weights of the
# released script. The teacher was trained alone before, by
# `baselines/fcos_efficientnet-lite0_bccd.py`.
_base_ = [
    '../_base_/dkd_det_runtime.py',
    '../_base_/datasets/bccd.py',
    '../_base_/models/dkd_fcos_efficientnet_lite0.py',
    '../_base_/schedules/dkd_adamw_sgd_24e.py',
]

_classes = dict(bbox_head=dict(num_classes=3))
_teacher = 'work_dirs/fcos_efficientnet-lite0_bccd/epoch_24.pth'
model = dict(
    streams=dict(
        teacher=dict(model=_classes, checkpoint=_teacher),
        student=dict(model=_classes),
    )
)
randomness = dict(seed=0)
