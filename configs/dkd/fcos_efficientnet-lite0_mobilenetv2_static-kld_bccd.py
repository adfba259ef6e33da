# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Static distillation for FCOS on BCCD, EfficientNet-Lite0 -> a MobileNetV2 of half the
# width: the divergence from the frozen teacher, as DKD weights it, and nothing else (KD).
_base_ = './fcos_efficientnet-lite0_mobilenetv2_bccd.py'

model = dict(
    streams=dict(teacher=dict(frozen=True)),
    transfers=dict(
        _delete_=True, loss_kld_student=_base_.model.transfers.loss_kld_student
    ),
)
optim_wrapper = dict(
    streams=dict(_delete_=True, student=_base_.optim_wrapper.streams.student)
)
param_scheduler = dict(_delete_=True, student=_base_.param_scheduler.student)
