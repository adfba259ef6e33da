# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# What makes a small FCOS with a MobileNetV2 of half the width, from scratch, of
# MMDetection's FCOS with a ResNet-50. All but its backbone is that of `fcos_r18_half`.
fcos_mobilenetv2 = dict(
    data_preprocessor=dict(mean=[127.5, 127.5, 127.5], std=[63.75, 63.75, 63.75]),
    backbone=dict(
        _delete_=True,
        type='MobileNetV2',
        widen_factor=0.5,
        # The last blocks with strides of 4, 8, 16 and 32.
        out_indices=(1, 2, 4, 6),
    ),
    neck=dict(in_channels=[16, 16, 48, 160], out_channels=64),
    bbox_head=dict(
        in_channels=64,
        feat_channels=64,
        stacked_convs=2,
        norm_cfg=dict(type='GN', num_groups=16),
    ),
)
