# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# What makes a small FCOS with a ResNet-18, and its half, of MMDetection's FCOS with a
# ResNet-50. Both start from scratch.
_preprocessor = dict(mean=[127.5, 127.5, 127.5], std=[63.75, 63.75, 63.75])
_backbone = dict(
    depth=18,
    init_cfg=None,
    frozen_stages=-1,
    norm_cfg=dict(requires_grad=True),
    norm_eval=False,
    style='pytorch',
)
_head = dict(stacked_convs=2, norm_cfg=dict(type='GN', num_groups=16))

fcos_r18 = dict(
    data_preprocessor=_preprocessor,
    backbone=_backbone,
    neck=dict(in_channels=[64, 128, 256, 512], out_channels=128),
    bbox_head=dict(in_channels=128, feat_channels=128, **_head),
)
fcos_r18_half = dict(
    data_preprocessor=_preprocessor,
    backbone=dict(base_channels=32, **_backbone),
    neck=dict(in_channels=[32, 64, 128, 256], out_channels=64),
    bbox_head=dict(in_channels=64, feat_channels=64, **_head),
)
