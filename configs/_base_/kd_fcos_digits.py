# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Distillation of FCOS on the digits, a narrow ResNet-18 -> its half. The teacher was trained
# alone before, by `baselines/fcos_r18_digits.py`. What inherits from it gives the transfers.
_base_ = [
    './distill_det_runtime.py',
    './datasets/digits_detection.py',
    './models/fcos_digits.py',
    './schedules/adamw_digits.py',
]

detector = 'mmdet::fcos/fcos_r50-caffe_fpn_gn-head_1x_coco.py'
# From the student's pyramid to the teacher's, level by level.
wider_pyramid = dict(
    type='ChannelAligner', in_channels=32, out_channels=64, num_levels=3
)
model = dict(
    type='dynkd.Distillation',
    streams=dict(
        teacher=dict(
            config=detector,
            model=_base_.fcos_digits,
            checkpoint='work_dirs/fcos_r18_digits/epoch_10.pth',
            frozen=True,
        ),
        student=dict(config=detector, model=_base_.fcos_digits_half),
    ),
)
randomness = dict(seed=0)
