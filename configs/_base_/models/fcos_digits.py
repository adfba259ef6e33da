# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# What makes the small FCOS of the demo, with a narrow ResNet-18, and its half, of
# MMDetection's FCOS with a ResNet-50. Both start from scratch. Three levels are enough
# for images of 160x160.
_preprocessor = dict(mean=[127.5, 127.5, 127.5], std=[63.75, 63.75, 63.75])
_backbone = dict(
    depth=18,
    init_cfg=None,
    frozen_stages=-1,
    norm_cfg=dict(requires_grad=True),
    norm_eval=False,
    style='pytorch',
    zero_init_residual=False,
)
_head = dict(
    num_classes=10,
    stacked_convs=2,
    strides=[8, 16, 32],
    regress_ranges=((-1, 32), (32, 64), (64, 1e8)),
    # With few steps, FCOS's later additions learn much sooner.
    center_sampling=True,
    norm_on_bbox=True,
    centerness_on_reg=True,
    norm_cfg=dict(type='GN', num_groups=8),
)

fcos_digits = dict(
    data_preprocessor=_preprocessor,
    backbone=dict(base_channels=32, **_backbone),
    neck=dict(in_channels=[32, 64, 128, 256], out_channels=64, num_outs=3),
    bbox_head=dict(in_channels=64, feat_channels=64, **_head),
)
fcos_digits_half = dict(
    data_preprocessor=_preprocessor,
    backbone=dict(base_channels=16, **_backbone),
    neck=dict(in_channels=[16, 32, 64, 128], out_channels=32, num_outs=3),
    bbox_head=dict(in_channels=32, feat_channels=32, **_head),
)
