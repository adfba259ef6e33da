# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# FCOS with an EfficientNet-Lite0 on BCCD, trained on alone as long and as slowly as the
# teacher of a DKD: what the teacher gains without a student.
_base_ = './fcos_efficientnet-lite0_bccd.py'

_before = 'work_dirs/fcos_efficientnet-lite0_bccd/epoch_24.pth'
model = dict(
    init_cfg=dict(type='Pretrained', checkpoint=_before), backbone=dict(init_cfg=None)
)
optim_wrapper = dict(optimizer=dict(lr=5e-5))
