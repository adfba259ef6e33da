# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# ConvNeXt-E of DPK on ImageNet, alone: Table 10. By the recipe of
# `_base_/dpk_convnext_in1k.py`.
_base_ = [
    '../_base_/cls_runtime.py',
    '../_base_/datasets/imagenet_swin_224.py',
    'mmpretrain::_base_/models/convnext/convnext-tiny.py',
    '../_base_/models/convnext_e.py',
    '../_base_/schedules/adamw_300e_in1k.py',
]

model = _base_.convnext_e
train_dataloader = dict(batch_size=128)
optim_wrapper = dict(optimizer=dict(lr=4e-3), clip_grad=None)
auto_scale_lr = dict(base_batch_size=4096)
val_cfg = dict()
test_cfg = dict()
