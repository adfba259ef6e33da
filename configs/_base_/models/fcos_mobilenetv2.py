# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# What makes a small FCOS with a MobileNetV2 of half the width, from scratch, of
# `fcos_r18_half`.
mobilenetv2_half = dict(
    backbone=dict(
        _delete_=True,
        type='MobileNetV2',
        widen_factor=0.5,
        # The last blocks with strides of 4, 8, 16 and 32.
        out_indices=(1, 2, 4, 6),
    ),
    neck=dict(in_channels=[16, 16, 48, 160], out_channels=64),
)
