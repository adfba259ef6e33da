# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# FGD for Faster R-CNN on the digits, a narrow ResNet-18 -> its half. The teacher was trained alone
# before, by `baselines/faster-rcnn_r18_digits.py`.
_base_ = [
    '../_base_/distill_det_runtime.py',
    '../_base_/datasets/digits_detection.py',
    '../_base_/models/fgd_digits.py',
    '../_base_/models/faster_rcnn_digits.py',
    '../_base_/schedules/adamw_digits.py',
]

detector = 'mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py'
model = dict(
    streams=dict(
        teacher=dict(
            config=detector,
            model=_base_.faster_rcnn_digits,
            checkpoint='work_dirs/faster-rcnn_r18_digits/epoch_10.pth',
        ),
        student=dict(config=detector, model=_base_.faster_rcnn_digits_half),
    )
)
randomness = dict(seed=0)
