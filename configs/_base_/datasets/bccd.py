# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# BCCD: microscope images of blood cells with boxes in COCO format, at 320x240.
_base_ = './small_detection.py'

data_root = 'data/bccd/'
metainfo = dict(classes=('RBC', 'WBC', 'Platelets'))
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='Resize', scale=(320, 240), keep_ratio=False),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackDetInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(320, 240), keep_ratio=False),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(
        type='PackDetInputs',
        meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor'),
    ),
]
images = dict(data_root=data_root, data_prefix=dict(img='images/'), metainfo=metainfo)
train_dataloader = dict(
    batch_size=4,
    dataset=dict(ann_file='train.json', pipeline=train_pipeline, **images),
)
val_dataloader = dict(
    batch_size=4,
    dataset=dict(ann_file='val.json', pipeline=test_pipeline, **images),
)
test_dataloader = dict(
    batch_size=4,
    dataset=dict(ann_file='test.json', pipeline=test_pipeline, **images),
)
val_evaluator = dict(ann_file=data_root + 'val.json')
test_evaluator = dict(ann_file=data_root + 'test.json')
