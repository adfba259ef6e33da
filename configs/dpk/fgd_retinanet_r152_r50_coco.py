# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# FGD for RetinaNet, R152 -> R50: a baseline of Table 4. The teacher was trained alone before,
# by `baselines/retinanet_r152_coco.py`.
_base_ = ['./fgd_retinanet_r101_r50_coco.py', '../_base_/models/backbones_coco.py']

_checkpoint = 'work_dirs/retinanet_r152_coco/epoch_24.pth'
_start = dict(init_cfg=dict(checkpoint=_checkpoint))
model = dict(
    streams=dict(
        teacher=dict(model=dict(backbone=_base_.resnet152), checkpoint=_checkpoint),
        student=dict(model=dict(neck=_start, bbox_head=_start)),
    )
)
