# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DPK inside FGD for Faster R-CNN, R152 -> R50: Table 4.
_base_ = ['./fgd_faster-rcnn_r152_r50_coco.py', '../_base_/models/dpk_fgd.py']

model = dict(transfers=_base_.dpk_two_stage)
