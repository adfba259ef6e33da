# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DKD for FCOS on BCCD, ResNet-18 -> its half, with the weights of the released script.
_base_ = ['./fcos_r18_r18half_bccd.py', '../_base_/models/dkd_script_weights.py']

model = dict(transfers=_base_.script_weights)
