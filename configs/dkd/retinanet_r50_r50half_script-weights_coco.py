# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DKD for RetinaNet, R50 -> R50-half, with the weights of the released script.
_base_ = ['./retinanet_r50_r50half_coco.py', '../_base_/models/dkd_script_weights.py']

model = dict(transfers=_base_.script_weights)
