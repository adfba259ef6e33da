# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# COCO 2017 as the paper has it: inputs are reshaped to 667x667 (sections IV-B, IV-C2).
_base_ = 'mmdet::_base_/datasets/coco_detection.py'

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='Resize', scale=(667, 667), keep_ratio=False),
    dict(type='RandomFlip', prob=0.5),  # ours
    dict(type='PackDetInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(667, 667), keep_ratio=False),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(
        type='PackDetInputs',
        meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor'),
    ),
]
train_dataloader = dict(
    batch_size=8,  # ours; enough for the batch norm of a student from scratch
    num_workers=4,
    persistent_workers=False,
    worker_init_fn=dict(type='dynkd.seed_worker'),
    dataset=dict(pipeline=train_pipeline),
)
val_dataloader = dict(batch_size=8, dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
