# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DKD for FCOS on BCCD, EfficientNet-Lite0 -> half a ResNet-18, with the weights that
# `BalancedWeight` finds, as in the configs of COCO and in the demo.
_base_ = './fcos_efficientnet-lite0_r18half_bccd.py'

# `_delete_`, because they replace numbers.
_equal = dict(_delete_=True, type='BalancedWeight', share=1.0)
_fifth = dict(_delete_=True, type='BalancedWeight', share=0.2)
model = dict(
    transfers=dict(
        loss_emd=dict(loss=dict(loss_weight=_equal)),
        loss_kld_student=dict(loss=dict(loss_weight=_equal)),
        loss_kld_teacher=dict(loss=dict(loss_weight=_fifth)),
    )
)
