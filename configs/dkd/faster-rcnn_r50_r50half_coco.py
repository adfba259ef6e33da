# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DKD for Faster R-CNN, R50 -> R50-half. Not in the paper: its hyper-parameters for detection
# are carried over to a two-stage detector (all ours).
_base_ = [
    '../_base_/distill_det_runtime.py',
    '../_base_/datasets/coco_667.py',
    '../_base_/models/dkd_two_stage.py',
    '../_base_/models/halves_coco.py',
    '../_base_/schedules/dkd_adam_coco.py',
]

detector = 'mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py'
model = dict(
    streams=dict(
        teacher=dict(
            config=detector,
            checkpoint='https://download.openmmlab.com/mmdetection/v2.0/faster_rcnn/faster_rcnn_r50_fpn_1x_coco/faster_rcnn_r50_fpn_1x_coco_20200130-047c8118.pth',
        ),
        student=dict(config=detector, model=_base_.faster_rcnn_half),
    )
)
