# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DPK inside FGD for Faster R-CNN on the digits, a narrow ResNet-18 -> its half.
_base_ = [
    './fgd_faster-rcnn_r18_r18half_digits.py',
    '../_base_/models/dpk_fgd_digits.py',
]

model = dict(transfers=_base_.dpk_dense)
