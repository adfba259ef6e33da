# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# As a project has it: an RTMDet for one class, on images of its own in COCO's format.
_base_ = 'mmdet::rtmdet/rtmdet_tiny_8xb32-300e_coco.py'

data_root = 'data/'
metainfo = dict(classes=('balloon',), palette=[(220, 20, 60)])
max_epochs = 2
size = (64, 64)
model = dict(
    backbone=dict(deepen_factor=0.1, widen_factor=0.125, init_cfg=None),
    neck=dict(in_channels=[32, 64, 128], out_channels=24, num_csp_blocks=1),
    bbox_head=dict(in_channels=24, feat_channels=24, num_classes=1),
)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(
        type='CachedMosaic',
        img_scale=size,
        pad_val=114.0,
        max_cached_images=4,
        random_pop=False,
    ),
    dict(type='RandomResize', scale=size, ratio_range=(0.8, 1.2), keep_ratio=True),
    dict(type='RandomCrop', crop_size=size),
    dict(type='YOLOXHSVRandomAug'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='Pad', size=size, pad_val=dict(img=(114, 114, 114))),
    dict(type='PackDetInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=size, keep_ratio=True),
    dict(type='Pad', size=size, pad_val=dict(img=(114, 114, 114))),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(
        type='PackDetInputs',
        meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor'),
    ),
]
loading = dict(batch_size=4, num_workers=0, persistent_workers=False)
train_dataloader = dict(
    **loading,
    dataset=dict(
        data_root=data_root,
        metainfo=metainfo,
        ann_file='train/balloons.json',
        data_prefix=dict(img='train/'),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    **loading,
    dataset=dict(
        data_root=data_root,
        metainfo=metainfo,
        ann_file='val/balloons.json',
        data_prefix=dict(img='val/'),
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(ann_file=data_root + 'val/balloons.json')
test_evaluator = val_evaluator
train_cfg = dict(max_epochs=max_epochs, val_interval=1, dynamic_intervals=None)
optim_wrapper = dict(optimizer=dict(lr=1e-4))
param_scheduler = [dict(type='LinearLR', start_factor=1e-3, by_epoch=False, end=4)]
custom_hooks = [
    dict(
        type='EMAHook',
        ema_type='ExpMomentumEMA',
        momentum=0.0002,
        update_buffers=True,
        priority=49,
    ),
    dict(type='PipelineSwitchHook', switch_epoch=1, switch_pipeline=test_pipeline),
]
