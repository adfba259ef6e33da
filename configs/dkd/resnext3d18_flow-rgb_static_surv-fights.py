# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Static distillation on the surveillance clips: the RGB student learns from a flow teacher
# with fixed weights, by MSE.
_base_ = './resnext3d18_flow-rgb_surv-fights.py'

model = dict(
    streams=dict(teacher=dict(frozen=True)),
    transfers=dict(_delete_=True, loss_mse=_base_.loss_mse),
)
optim_wrapper = dict(
    streams=dict(_delete_=True, student=_base_.optim_wrapper.streams.student)
)
param_scheduler = dict(_delete_=True, student=_base_.param_scheduler.student)
