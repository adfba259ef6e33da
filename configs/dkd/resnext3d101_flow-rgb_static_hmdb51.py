# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Static distillation (SKD) on HMDB51: the RGB student learns from a flow teacher with fixed
# weights, by MSE. Table VII, row "Static".
_base_ = './resnext3d101_flow-rgb_hmdb51.py'

model = dict(
    streams=dict(teacher=dict(frozen=True)),
    transfers=dict(_delete_=True, loss_mse=_base_.loss_mse),
)
optim_wrapper = dict(
    streams=dict(_delete_=True, student=_base_.optim_wrapper.streams.student)
)
param_scheduler = dict(_delete_=True, student=_base_.param_scheduler.student)
work_dir = f'work_dirs/resnext3d101_flow-rgb_static_hmdb51_split{_base_.split}'
