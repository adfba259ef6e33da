# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DKD for FCOS with the KLD in both directions alone: Table IV, row "KLD".
_base_ = './fcos_r50_r50half_coco.py'

model = dict(
    transfers=dict(
        _delete_=True,
        loss_kld_student=_base_.model.transfers.loss_kld_student,
        loss_kld_teacher=_base_.model.transfers.loss_kld_teacher,
    )
)
