# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Face images at 16x16 in folders, one for each subject (EKD, section IV-F). What inherits
# from it sets the folders and the number of subjects.
data_preprocessor = dict(
    mean=[127.5, 127.5, 127.5],
    std=[63.75, 63.75, 63.75],
    to_rgb=True,
)
_small = [
    dict(type='LoadImageFromFile'),
    dict(type='dynkd.LowResolution', size=16),
]
train_pipeline = [
    *_small,
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='PackInputs'),
]
test_pipeline = [*_small, dict(type='PackInputs')]
train_dataloader = dict(
    batch_size=64,
    num_workers=8,
    persistent_workers=False,
    worker_init_fn=dict(type='dynkd.seed_worker'),
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(type='CustomDataset', pipeline=train_pipeline),
)
val_dataloader = dict(
    batch_size=128,
    num_workers=8,
    persistent_workers=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='CustomDataset', pipeline=test_pipeline),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='Accuracy', topk=(1,))
test_evaluator = val_evaluator
