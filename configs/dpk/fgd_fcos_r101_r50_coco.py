# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# FGD for FCOS, R101 -> R50. Not in DPK's paper: models, weights and temperature are those of
# FGD's released config, which has the student's neck and head start from the teacher's.
_base_ = [
    '../_base_/distill_det_runtime.py',
    '../_base_/datasets/coco_detection.py',
    '../_base_/models/fgd_dense.py',
    '../_base_/schedules/sgd_2x_coco.py',
]

_checkpoint = 'https://download.openmmlab.com/mmdetection/v2.0/fcos/fcos_r101_caffe_fpn_gn-head_mstrain_640-800_2x_coco/fcos_r101_caffe_fpn_gn-head_mstrain_640-800_2x_coco-511424d6.pth'
_start = dict(type='Pretrained', checkpoint=_checkpoint)
model = dict(
    streams=dict(
        teacher=dict(
            config='mmdet::fcos/fcos_r101-caffe_fpn_gn-head_ms-640-800-2x_coco.py',
            checkpoint=_checkpoint,
        ),
        student=dict(
            config='mmdet::fcos/fcos_r50-caffe_fpn_gn-head-center-normbbox-centeronreg-giou_1x_coco.py',
            model=dict(
                neck=dict(init_cfg=dict(prefix='neck.', **_start)),
                bbox_head=dict(
                    centerness_on_reg=False,
                    init_cfg=dict(prefix='bbox_head.', **_start),
                ),
            ),
        ),
    ),
    transfers=dict(
        loss_fgd=dict(
            loss=dict(
                foreground=1.6e-3,
                background=8e-4,
                attention=8e-4,
                relation=8e-6,
                temperature=0.8,
            )
        )
    ),
)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='RandomChoiceResize', scales=[(1333, 640), (1333, 800)], keep_ratio=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackDetInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
optim_wrapper = dict(
    optimizer=dict(lr=0.01), paramwise_cfg=dict(bias_lr_mult=2.0, bias_decay_mult=0.0)
)
