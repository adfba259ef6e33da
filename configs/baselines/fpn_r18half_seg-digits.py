# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Semantic FPN with half that ResNet-18 on the masks of the digit scenes, alone: the student.
_base_ = [
    '../_base_/seg_runtime.py',
    '../_base_/datasets/digits_segmentation.py',
    '../_base_/models/fpn_digits.py',
    '../_base_/schedules/adamw_digits.py',
]

model = _base_.fpn_digits_half
randomness = dict(seed=0)
# In fewer epochs the small one learns little but where the background is.
train_cfg = dict(max_epochs=30, val_interval=5)
