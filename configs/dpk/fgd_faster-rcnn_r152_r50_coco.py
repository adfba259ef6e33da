# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# FGD for Faster R-CNN, R152 -> R50: a baseline of Table 4. The teacher was trained alone
# before, by `baselines/faster-rcnn_r152_coco.py`.
_base_ = ['./fgd_faster-rcnn_r101_r50_coco.py', '../_base_/models/backbones_coco.py']

_checkpoint = 'work_dirs/faster-rcnn_r152_coco/epoch_24.pth'
_start = dict(init_cfg=dict(checkpoint=_checkpoint))
model = dict(
    streams=dict(
        teacher=dict(model=dict(backbone=_base_.resnet152), checkpoint=_checkpoint),
        student=dict(
            model=dict(neck=_start, rpn_head=_start, roi_head=dict(bbox_head=_start))
        ),
    )
)
