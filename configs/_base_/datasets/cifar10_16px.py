# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# All 50,000 training images of CIFAR-10 as image files, at 16x16 (EKD, section IV-F), so
# that an epoch of a small pair takes less than a minute on a CPU core. The padding of the
# crops is half that of 32x32 (ours).
_base_ = './cifar10_folders.py'

# Loading took longer than a step of the student: 38 MB of images are kept in memory, in the
# process that trains.
_load = dict(
    type='dynkd.CachedTransforms',
    transforms=[
        dict(type='LoadImageFromFile'),
        dict(type='dynkd.LowResolution', size=16),
    ],
)
train_pipeline = [
    _load,
    dict(type='RandomCrop', crop_size=16, padding=2),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='PackInputs'),
]
test_pipeline = [_load, dict(type='PackInputs')]
train_dataloader = dict(
    batch_size=128, num_workers=0, dataset=dict(indices=None, pipeline=train_pipeline)
)
val_dataloader = dict(num_workers=0, dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
