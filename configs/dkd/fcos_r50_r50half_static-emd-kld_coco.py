# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Static distillation for FCOS with EMD and KLD: the frozen counterpart of
# `fcos_r50_r50half_coco.py`. Not in the paper's tables.
_base_ = './fcos_r50_r50half_coco.py'

model = dict(
    streams=dict(teacher=dict(frozen=True)),
    transfers=dict(
        _delete_=True,
        loss_emd=_base_.model.transfers.loss_emd,
        loss_kld_student=_base_.model.transfers.loss_kld_student,
    ),
)
optim_wrapper = dict(
    streams=dict(_delete_=True, student=_base_.optim_wrapper.streams.student)
)
param_scheduler = dict(_delete_=True, student=_base_.param_scheduler.student)
