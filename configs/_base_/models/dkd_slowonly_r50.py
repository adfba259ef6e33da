# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DKD between two SlowOnly of MMAction2, flow -> RGB. What inherits from it sets the number of
# classes, and where the teacher begins.
_base_ = ['./dkd_action.py', './slowonly_r50.py']

model = dict(
    streams=dict(
        teacher=dict(model=_base_.slowonly_flow),
        student=dict(model=_base_.slowonly_rgb),
    )
)
