# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DPK inside FGD for FCOS on BCCD, EfficientNet-Lite0 -> half a ResNet-18.
_base_ = [
    './fgd_fcos_efficientnet-lite0_r18half_bccd.py',
    '../_base_/models/dpk_fgd_small.py',
]

_transfers = _base_.dpk_dense
_transfers.loss_dpk.loss.update(temperature=2.0, foreground=1.5e-6)
_transfers.loss_dpk.connector.update(
    student_channels=64,
    teacher_channels=128,
    patch_size=[4, 2, 1, 1, 1],
    grid_size=[(8, 10), (8, 10), (8, 10), (4, 5), (2, 3)],
)
model = dict(transfers=_transfers)
