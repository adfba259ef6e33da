# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Tiny-ImageNet in its own size of 64x64, in batches of 128; "horizontal flipping is
# applied for data augmentation" (IAKD, section 4.5).
_base_ = './tiny_imagenet_bs64.py'

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='PackInputs'),
]
test_pipeline = [dict(type='LoadImageFromFile'), dict(type='PackInputs')]
train_dataloader = dict(batch_size=128, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
