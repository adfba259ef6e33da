# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DKD for Faster R-CNN, R50 -> R50-half. Not in the paper: its hyper-parameters for detection
# are carried over to a two-stage detector (all ours).
_base_ = [
    '../_base_/dkd_det_runtime.py',
    '../_base_/datasets/coco_667.py',
    '../_base_/models/halves_coco.py',
    '../_base_/schedules/dkd_adam_coco.py',
]

detector = 'mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py'
# A RoI is classified with softmax into the classes and background.
kld = dict(type='KLDLoss', activation='softmax', loss_weight=0.1)
model = dict(
    type='dynkd.Distillation',
    streams=dict(
        # Class probabilities are comparable only for the same boxes: the teacher
        # classifies the RoIs that the student sampled as well as its own.
        teacher=dict(
            config=detector,
            checkpoint='https://download.openmmlab.com/mmdetection/v2.0/faster_rcnn/faster_rcnn_r50_fpn_1x_coco/faster_rcnn_r50_fpn_1x_coco_20200130-047c8118.pth',
            proposals='student',
        ),
        student=dict(config=detector, model=_base_.faster_rcnn_half),
    ),
    transfers=dict(
        loss_emd=dict(
            source='teacher.neck',
            target='student.neck',
            target_connector=dict(
                type='ChannelAligner', in_channels=128, out_channels=256
            ),
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
