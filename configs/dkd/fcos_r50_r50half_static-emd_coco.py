# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Static distillation for FCOS with the EMD: the frozen counterpart of
# `fcos_r50_r50half_emd_coco.py`. Not in the paper's tables.
_base_ = './fcos_r50_r50half_static-emd-kld_coco.py'

model = dict(transfers=dict(_delete_=True, loss_emd=_base_.model.transfers.loss_emd))
