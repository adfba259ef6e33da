# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# EKD: guided modules on the stages of both streams, which start from scratch.
_base_ = ['./small_run.py', '../../../configs/_base_/models/ekd.py']

_guided = dict(module=dict(out_channels=8))
model = dict(
    streams=dict(
        teacher=dict(model=_base_.teacher, branches=_guided, input_shape=_base_.shape),
        student=dict(model=_base_.student, branches=_guided, input_shape=_base_.shape),
    )
)
