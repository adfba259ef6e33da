# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DKD for FCOS on the digits, a narrow ResNet-18 -> its half: the demo. It starts from a
# teacher that was trained alone for a few epochs, if there is one:
# `--cfg-options model.streams.teacher.checkpoint=PATH`.
_base_ = [
    '../_base_/distill_det_runtime.py',
    '../_base_/datasets/digits_detection.py',
    '../_base_/models/dkd_dense.py',
    '../_base_/models/fcos_digits.py',
    '../_base_/schedules/dkd_adamw_digits.py',
]

detector = 'mmdet::fcos/fcos_r50-caffe_fpn_gn-head_1x_coco.py'
model = dict(
    streams=dict(
        teacher=dict(config=detector, model=_base_.fcos_digits),
        student=dict(config=detector, model=_base_.fcos_digits_half),
    ),
    transfers=dict(
        loss_emd=dict(
            target_connector=dict(
                type='ChannelAligner', in_channels=32, out_channels=64
            )
        ),
    ),
)
randomness = dict(seed=0)
