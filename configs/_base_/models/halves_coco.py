# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# What makes the half of a detector of MMDetection with a ResNet-50: its backbone is a
# ResNet50-half, and its neck and head are whole ("frameworks with backbones of ResNet50
# and ResNet50-half", captions of Tables III and IV). No ImageNet weights exist for such a
# backbone: it starts from scratch, all of it is trained, and its batch norm uses the
# batch's statistics.
_backbone = dict(
    base_channels=32,
    init_cfg=None,
    frozen_stages=-1,
    norm_cfg=dict(requires_grad=True),
    norm_eval=False,
)

dense_half = dict(backbone=_backbone, neck=dict(in_channels=[128, 256, 512, 1024]))
faster_rcnn_half = dense_half
# Ours: neck and head are halved too, as every layer of the paper's classifiers is. Their
# features have 128 channels, so that EMD and MSE need a connector.
dense_slim = dict(
    backbone=_backbone,
    neck=dict(in_channels=[128, 256, 512, 1024], out_channels=128),
    bbox_head=dict(in_channels=128, feat_channels=128),
)
