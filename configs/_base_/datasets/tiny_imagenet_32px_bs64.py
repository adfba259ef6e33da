# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Tiny-ImageNet at 32x32, for a network that was trained on CIFAR-100: with the mean and
# deviation of that (DPK, appendix A.7).
_base_ = './tiny_imagenet_bs64.py'

data_preprocessor = dict(
    mean=[129.304, 124.07, 112.434],
    std=[68.17, 65.392, 70.418],
    to_rgb=True,
)
_small = [dict(type='LoadImageFromFile'), dict(type='dynkd.LowResolution', size=32)]
train_pipeline = [
    *_small,
    dict(type='RandomCrop', crop_size=32, padding=4),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='PackInputs'),
]
test_pipeline = [*_small, dict(type='PackInputs')]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
