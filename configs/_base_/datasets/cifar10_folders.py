# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# CIFAR-10 as image files in class folders, of the small configs. Made by
# tools/dataset_converters/binary_images.py. Every 10th training image, 5,000 in all, so that
# an epoch of a pair takes minutes on 2 CPU cores; all: `subset = None`.
_base_ = './small_classification.py'

subset = range(0, 50000, 10)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='RandomCrop', crop_size=32, padding=4),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='PackInputs'),
]
train_dataloader = dict(
    dataset=dict(
        data_root='data/cifar10/train', indices=subset, pipeline=train_pipeline
    )
)
val_dataloader = dict(dataset=dict(data_root='data/cifar10/test'))
test_dataloader = val_dataloader
