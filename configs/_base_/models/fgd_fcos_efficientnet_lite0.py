# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# FGD for a small FCOS with an EfficientNet-Lite0 and one with half a ResNet-18.
_base_ = ['./fgd_fcos_r18.py', './fcos_efficientnet_lite0.py']

model = dict(
    streams=dict(
        teacher=dict(model=dict(_base_.fcos_efficientnet_lite0, _delete_=True))
    )
)
