# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DKD for RetinaNet, R50 -> R50-half: Table III. "We train all methods from scratch"
# (section IV-C2): neither stream has ImageNet weights, of which the half has none.
_base_ = [
    '../_base_/distill_det_runtime.py',
    '../_base_/datasets/coco_667.py',
    '../_base_/models/dkd_dense.py',
    '../_base_/models/halves_coco.py',
    '../_base_/models/scratch_coco.py',
    '../_base_/schedules/dkd_adam_coco.py',
]

detector = 'mmdet::retinanet/retinanet_r50_fpn_1x_coco.py'
model = dict(
    streams=dict(
        teacher=dict(config=detector, model=_base_.from_scratch),
        student=dict(config=detector, model=_base_.dense_half),
    ),
    transfers=dict(  # RetinaNet classifies 9 anchors at each position
        loss_kld_student=dict(loss=dict(num_anchors=9)),
        loss_kld_teacher=dict(loss=dict(num_anchors=9)),
    ),
)
