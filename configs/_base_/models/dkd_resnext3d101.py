# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DKD between two 3D ResNeXt-101, flow -> RGB. What inherits from it sets the number of
# classes, and where the teacher begins.
_base_ = ['./dkd_action.py', './resnext3d101.py']

model = dict(
    streams=dict(
        teacher=dict(model=_base_.resnext3d101_flow),
        student=dict(model=_base_.resnext3d101_rgb),
    )
)
