# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# FGD for RetinaNet on the digits, a narrow ResNet-18 -> its half. The teacher was trained alone
# before, by `baselines/retinanet_r18_digits.py`.
_base_ = [
    '../_base_/distill_det_runtime.py',
    '../_base_/datasets/digits_detection.py',
    '../_base_/models/fgd_digits.py',
    '../_base_/models/retinanet_digits.py',
    '../_base_/schedules/adamw_digits.py',
]

detector = 'mmdet::retinanet/retinanet_r50_fpn_1x_coco.py'
model = dict(
    streams=dict(
        teacher=dict(
            config=detector,
            model=_base_.retinanet_digits,
            checkpoint='work_dirs/retinanet_r18_digits/epoch_10.pth',
        ),
        student=dict(config=detector, model=_base_.retinanet_digits_half),
    )
)
randomness = dict(seed=0)
