# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# CIFAR-100 at 16x16 (EKD, section IV-F). The padding of the crops is half that of 32x32
# (ours).
_base_ = './cifar100_bs64.py'

_small = dict(type='dynkd.LowResolution', size=16)
train_pipeline = [
    _small,
    dict(type='RandomCrop', crop_size=16, padding=2),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='PackInputs'),
]
test_pipeline = [_small, dict(type='PackInputs')]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
