# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DKD between two narrow 3D ResNeXt-18, flow -> RGB. What inherits from it sets the number
# of classes, and where the teacher begins.
_base_ = ['./dkd_action.py', './resnext3d18.py']

model = dict(
    streams=dict(
        teacher=dict(model=_base_.resnext3d18_flow),
        student=dict(model=_base_.resnext3d18_rgb),
    )
)
loss_mse = dict(loss=dict(loss_weight=10.0))
