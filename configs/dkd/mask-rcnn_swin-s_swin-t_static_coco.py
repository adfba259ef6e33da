# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Static distillation (SKD) for Mask R-CNN, Swin-S -> Swin-T: Table VI, rows "SKD".
_base_ = './mask-rcnn_swin-s_swin-t_coco.py'

model = dict(
    streams=dict(teacher=dict(frozen=True, proposals=None)),
    transfers=dict(
        _delete_=True,
        loss_mse=dict(
            _base_.model.transfers.loss_emd,
            loss=dict(
                type='FeatureLoss',
                kind='mse',
                loss_weight=dict(type='BalancedWeight', share=1.0),  # ours
            ),
        ),
    ),
)
optim_wrapper = dict(
    streams=dict(_delete_=True, student=_base_.optim_wrapper.streams.student)
)
param_scheduler = dict(_delete_=True, student=_base_.param_scheduler.student)
