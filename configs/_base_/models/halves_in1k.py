# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# What makes the half of a classifier of MMPretrain: every layer has half the channels
# ("we reduce the half number of filters on each layer", section IV-C1).
_backbone = dict(stem_channels=32, base_channels=32)

resnet34_half = dict(backbone=_backbone, head=dict(in_channels=256))
resnet50_half = dict(backbone=_backbone, head=dict(in_channels=1024))
