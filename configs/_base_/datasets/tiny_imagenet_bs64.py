# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Tiny-ImageNet in the class folders of tools/dataset_converters/tiny_imagenet.py. "We first
# randomly adjust the crop size to 224x224, apply random horizontal flip and normalize it
# finally. For testing, we only resize the pictures to 224x224" (EKD, section IV-A).
data_preprocessor = dict(
    num_classes=200,
    mean=[123.675, 116.28, 103.53],  # ours: ImageNet's
    std=[58.395, 57.12, 57.375],
    to_rgb=True,
)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='RandomResizedCrop', scale=224),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='PackInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=224),
    dict(type='PackInputs'),
]
train_dataloader = dict(
    batch_size=64,
    num_workers=8,
    persistent_workers=False,
    worker_init_fn=dict(type='dynkd.seed_worker'),
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='CustomDataset',
        data_root='data/tiny-imagenet-200/train',
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=128,
    num_workers=8,
    persistent_workers=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='CustomDataset',
        data_root='data/tiny-imagenet-200/val',
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='Accuracy', topk=(1,))
test_evaluator = val_evaluator
