# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# FGD for Faster R-CNN, R101 -> R50: a baseline of Table 4. The settings are those of FGD's
# released config, which has the student's neck and heads start from the teacher's.
_base_ = [
    '../_base_/distill_det_runtime.py',
    '../_base_/datasets/coco_detection.py',
    '../_base_/models/fgd_two_stage.py',
    '../_base_/schedules/sgd_2x_coco.py',
]

_checkpoint = 'https://download.openmmlab.com/mmdetection/v2.0/faster_rcnn/faster_rcnn_r101_fpn_2x_coco/faster_rcnn_r101_fpn_2x_coco_bbox_mAP-0.398_20200504_210455-1d2dac9c.pth'
_start = dict(type='Pretrained', checkpoint=_checkpoint)
model = dict(
    streams=dict(
        teacher=dict(
            config='mmdet::faster_rcnn/faster-rcnn_r101_fpn_2x_coco.py',
            checkpoint=_checkpoint,
        ),
        student=dict(
            config='mmdet::faster_rcnn/faster-rcnn_r50_fpn_2x_coco.py',
            model=dict(
                neck=dict(init_cfg=dict(prefix='neck.', **_start)),
                rpn_head=dict(init_cfg=dict(prefix='rpn_head.', **_start)),
                roi_head=dict(
                    bbox_head=dict(
                        init_cfg=dict(prefix='roi_head.bbox_head.', **_start)
                    )
                ),
            ),
        ),
    )
)
