# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# MSE and EMD, with a teacher that learns. Not in the paper's tables.
_base_ = './fcos_r50_r50half_mse-emd-kld_coco.py'

model = dict(
    transfers=dict(
        _delete_=True,
        loss_mse=_base_.model.transfers.loss_mse,
        loss_emd=_base_.model.transfers.loss_emd,
    )
)
