# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DPK inside FGD for FCOS, R101 -> R50. Not in the paper: its weights are those for one-stage
# detectors, the temperature is that of FGD's released config.
_base_ = ['./fgd_fcos_r101_r50_coco.py', '../_base_/models/dpk_fgd.py']

_transfers = _base_.dpk_dense
_transfers.loss_dpk.loss.temperature = 0.8
model = dict(transfers=_transfers)
