# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# MSE alone, with a teacher that learns: what section III-B argues against. Not in the
# paper's tables, whose row "MSE" is static.
_base_ = './fcos_r50_r50half_mse-emd-kld_coco.py'

model = dict(transfers=dict(_delete_=True, loss_mse=_base_.model.transfers.loss_mse))
