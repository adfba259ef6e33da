# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# The larger one of the project.
_base_ = './student.py'

model = dict(backbone=dict(depth=50), cls_head=dict(in_channels=2048))
