# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DKD for Mask R-CNN, Swin-S -> Swin-T: Table VI. The paper names only models and data; data
# and schedule are MMDetection's, which fit its FLOPs (ours).
_base_ = [
    '../_base_/dkd_det_runtime.py',
    '../_base_/datasets/coco_instance.py',
    '../_base_/schedules/dkd_adamw_swin_coco.py',
]

# A RoI is classified with softmax into the classes and background (ours). Weight: script.
kld = dict(type='KLDLoss', activation='softmax', loss_weight=0.1)
model = dict(
    type='dynkd.Distillation',
    streams=dict(
        # Class probabilities are comparable only for the same boxes: the teacher
        # classifies the RoIs that the student sampled as well as its own.
        teacher=dict(
            config='mmdet::swin/mask-rcnn_swin-s-p4-w7_fpn_amp-ms-crop-3x_coco.py',
            checkpoint='https://download.openmmlab.com/mmdetection/v2.0/swin/mask_rcnn_swin-s-p4-w7_fpn_fp16_ms-crop-3x_coco/mask_rcnn_swin-s-p4-w7_fpn_fp16_ms-crop-3x_coco_20210903_104808-b92c91f1.pth',
            proposals='student',
        ),
        # Its backbone starts from ImageNet weights, as in MMDetection.
        student=dict(config='mmdet::swin/mask-rcnn_swin-t-p4-w7_fpn_1x_coco.py'),
    ),
    transfers=dict(
        # Both necks have 256 channels. Weight: script; layout and tap: ours.
        loss_emd=dict(
            source='teacher.neck',
            target='student.neck',
            loss=dict(type='EMDLoss', layout='spatial', p=1, loss_weight=0.01),
        ),
        loss_kld_student=dict(
            source='teacher.roi_head.bbox_head[0]',
            target='student.roi_head.bbox_head[0]',
            loss=kld,
        ),
        loss_kld_teacher=dict(
            source='student.roi_head.bbox_head[0]',
            target='teacher.roi_head.bbox_head[0]',
            loss=kld,
        ),
    ),
)
