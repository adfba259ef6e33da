# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# FCOS with half a ResNet-50 and half the channels in neck and head, alone. Not in the
# paper.
_base_ = './fcos_r50half_coco.py'

model = _base_.dense_slim
