# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Table 4, "Baseline": the detector of `faster-rcnn_r152_voc0712.py`, whose backbone is
# MMPretrain's ResNet-152 that was trained without distillation. Plain MMDetection.
_base_ = './faster-rcnn_r152_voc0712.py'

model = dict(
    backbone=dict(
        init_cfg=dict(
            checkpoint='https://download.openmmlab.com/mmclassification/v0/resnet/resnet152_8xb32_in1k_20210901-4d7582fa.pth'
        )
    )
)
