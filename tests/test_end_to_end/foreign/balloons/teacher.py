# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# The larger one of the project.
_base_ = './student.py'

model = dict(
    backbone=dict(widen_factor=0.25),
    neck=dict(in_channels=[64, 128, 256], out_channels=48),
    bbox_head=dict(in_channels=48, feat_channels=48),
)
