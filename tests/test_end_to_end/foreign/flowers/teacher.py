# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# The larger one of the project.
_base_ = './student.py'

model = dict(
    backbone=dict(base_channels=16, stem_channels=16), head=dict(in_channels=512)
)
