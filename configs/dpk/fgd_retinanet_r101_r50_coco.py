# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# FGD for RetinaNet, R101 -> R50: a baseline of Table 4. The settings are those of FGD's
# released config, which has the student's neck and head start from the teacher's.
_base_ = [
    '../_base_/distill_det_runtime.py',
    '../_base_/datasets/coco_detection.py',
    '../_base_/models/fgd_dense.py',
    '../_base_/schedules/sgd_2x_coco.py',
]

_checkpoint = 'https://download.openmmlab.com/mmdetection/v2.0/retinanet/retinanet_r101_fpn_2x_coco/retinanet_r101_fpn_2x_coco_20200131-5560aee8.pth'
_start = dict(type='Pretrained', checkpoint=_checkpoint)
model = dict(
    streams=dict(
        teacher=dict(
            config='mmdet::retinanet/retinanet_r101_fpn_2x_coco.py',
            checkpoint=_checkpoint,
        ),
        student=dict(
            config='mmdet::retinanet/retinanet_r50_fpn_2x_coco.py',
            model=dict(
                neck=dict(init_cfg=dict(prefix='neck.', **_start)),
                bbox_head=dict(init_cfg=dict(prefix='bbox_head.', **_start)),
            ),
        ),
    )
)
optim_wrapper = dict(optimizer=dict(lr=0.01))
