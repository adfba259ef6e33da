# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Static distillation (SKD) for FCOS: Table IV, row "MSE". "The student network only distills
# the value of the feature map from the teacher network with fixed weights" (Fig. 2).
_base_ = './fcos_r50_r50half_mse_coco.py'

model = dict(streams=dict(teacher=dict(frozen=True)))
optim_wrapper = dict(
    streams=dict(_delete_=True, student=_base_.optim_wrapper.streams.student)
)
param_scheduler = dict(_delete_=True, student=_base_.param_scheduler.student)
