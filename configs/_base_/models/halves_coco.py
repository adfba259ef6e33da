# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# What makes the half of a detector of MMDetection with a ResNet-50: every layer has half
# the channels ("we reduce the half number of filters on each layer", section IV-C1). No
# ImageNet weights exist for such a backbone: it starts from scratch, all of it is
# trained, and its batch norm uses the batch's statistics.
_backbone = dict(
    base_channels=32,
    init_cfg=None,
    frozen_stages=-1,
    norm_cfg=dict(requires_grad=True),
    norm_eval=False,
)
_neck = dict(in_channels=[128, 256, 512, 1024], out_channels=128)

dense_half = dict(
    backbone=_backbone, neck=_neck, bbox_head=dict(in_channels=128, feat_channels=128)
)
faster_rcnn_half = dict(
    backbone=_backbone,
    neck=_neck,
    rpn_head=dict(in_channels=128, feat_channels=128),
    roi_head=dict(
        bbox_roi_extractor=dict(out_channels=128),
        bbox_head=dict(in_channels=128, fc_out_channels=512),
    ),
)
