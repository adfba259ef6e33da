# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DKD for FCOS with the EMD alone: Table IV, row "EMD". The teacher learns from the labels.
_base_ = './fcos_r50_r50half_coco.py'

model = dict(transfers=dict(_delete_=True, loss_emd=_base_.model.transfers.loss_emd))
