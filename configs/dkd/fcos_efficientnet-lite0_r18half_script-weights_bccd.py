# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DKD for FCOS on BCCD, EfficientNet-Lite0 -> half a ResNet-18, with the weights of the
# released script.
_base_ = './fcos_efficientnet-lite0_r18half_bccd.py'

model = dict(transfers=dict(loss_kld_student=dict(loss=dict(loss_weight=0.1))))
