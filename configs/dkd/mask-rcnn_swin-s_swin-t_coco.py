# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DKD for Mask R-CNN, Swin-S -> Swin-T: Table VI. The paper names only models and data. Data
# and schedule are MMDetection's for Swin-T, whose inputs fit the FLOPs of the table (ours).
_base_ = [
    '../_base_/distill_det_runtime.py',
    '../_base_/datasets/coco_instance.py',
    '../_base_/models/dkd_two_stage.py',
    '../_base_/schedules/dkd_adamw_swin_coco.py',
]

model = dict(
    streams=dict(
        teacher=dict(
            config='mmdet::swin/mask-rcnn_swin-s-p4-w7_fpn_amp-ms-crop-3x_coco.py',
            checkpoint='https://download.openmmlab.com/mmdetection/v2.0/swin/mask_rcnn_swin-s-p4-w7_fpn_fp16_ms-crop-3x_coco/mask_rcnn_swin-s-p4-w7_fpn_fp16_ms-crop-3x_coco_20210903_104808-b92c91f1.pth',
        ),
        # Its backbone starts from ImageNet weights, as in MMDetection.
        student=dict(config='mmdet::swin/mask-rcnn_swin-t-p4-w7_fpn_1x_coco.py'),
    )
)
