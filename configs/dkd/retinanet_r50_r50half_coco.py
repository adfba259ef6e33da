# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DKD for RetinaNet, R50 -> R50-half: Table III. "We train all methods from scratch"
# (section IV-C2): neither stream has ImageNet weights, of which the half has none.
_base_ = [
    '../_base_/dkd_det_runtime.py',
    '../_base_/datasets/coco_667.py',
    '../_base_/models/halves_coco.py',
    '../_base_/models/scratch_coco.py',
    '../_base_/schedules/dkd_adam_coco.py',
]

detector = 'mmdet::retinanet/retinanet_r50_fpn_1x_coco.py'
# RetinaNet classifies 9 anchors a position with sigmoid (ours). Weight: script.
kld = dict(
    type='KLDLoss',
    activation='sigmoid',
    reduction='mean',
    num_anchors=9,
    loss_weight=0.1,
)
model = dict(
    type='dynkd.Distillation',
    streams=dict(
        teacher=dict(config=detector, model=_base_.from_scratch),
        student=dict(config=detector, model=_base_.dense_half),
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
            source='teacher.bbox_head[0]', target='student.bbox_head[0]', loss=kld
        ),
        loss_kld_teacher=dict(
            source='student.bbox_head[0]', target='teacher.bbox_head[0]', loss=kld
        ),
    ),
)
