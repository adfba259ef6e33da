# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Static distillation (SKD) for ResNet34 -> ResNet18: Table II. Only the feature map is
# distilled, from a teacher with fixed weights (Fig. 2).
_base_ = './resnet34_resnet18_in1k.py'

model = dict(
    streams=dict(teacher=dict(frozen=True)),
    transfers=dict(
        _delete_=True,
        loss_mse=dict(
            _base_.model.transfers.loss_emd,
            loss=dict(type='FeatureLoss', kind='mse', loss_weight=1.0),  # ours
        ),
    ),
)
optim_wrapper = dict(
    streams=dict(_delete_=True, student=_base_.optim_wrapper.streams.student)
)
param_scheduler = dict(_delete_=True, student=_base_.param_scheduler.student)
