# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# FCOS with an EfficientNet-Lite0 of ImageNet on BCCD, alone: a teacher that knows more than
# its students. `tools/model_converters/efficientnet_lite0.py` writes its weights.
_base_ = [
    '../_base_/det_runtime.py',
    '../_base_/datasets/bccd.py',
    '../_base_/models/fcos_r50.py',
    '../_base_/models/fcos_efficientnet_lite0.py',
    '../_base_/schedules/adamw_24e.py',
]

model = _base_.fcos_efficientnet_lite0
model.bbox_head.num_classes = 3
randomness = dict(seed=0)
