# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# As a project has it: a TSM for two actions, on videos that are lists of frames.
_base_ = (
    'mmaction::recognition/tsm/'
    'tsm_imagenet-pretrained-r50_8xb16-1x1x8-50e_kinetics400-rgb.py'
)

model = dict(
    backbone=dict(depth=18, num_segments=4, pretrained=None, pretrained2d=False),
    cls_head=dict(num_segments=4, num_classes=2, in_channels=512),
)
clips = dict(type='SampleFrames', clip_len=1, frame_interval=1, num_clips=4)
train_pipeline = [
    clips,
    dict(type='RawFrameDecode'),
    dict(type='Resize', scale=(32, 32), keep_ratio=False),
    dict(type='Flip', flip_ratio=0.5),
    dict(type='FormatShape', input_format='NCHW'),
    dict(type='PackActionInputs'),
]
test_pipeline = [
    dict(clips, test_mode=True),
    dict(type='RawFrameDecode'),
    dict(type='Resize', scale=(32, 32), keep_ratio=False),
    dict(type='FormatShape', input_format='NCHW'),
    dict(type='PackActionInputs'),
]
loading = dict(batch_size=2, num_workers=0, persistent_workers=False)
train_dataloader = dict(
    **loading,
    dataset=dict(
        _delete_=True,
        type='RawframeDataset',
        ann_file='data/train.txt',
        data_prefix=dict(img='data/frames'),
        filename_tmpl='img_{:05}.jpg',
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    **loading,
    dataset=dict(
        _delete_=True,
        type='RawframeDataset',
        ann_file='data/val.txt',
        data_prefix=dict(img='data/frames'),
        filename_tmpl='img_{:05}.jpg',
        pipeline=test_pipeline,
        test_mode=True,
    ),
)
test_dataloader = val_dataloader
train_cfg = dict(max_epochs=2, val_begin=1, val_interval=1)
optim_wrapper = dict(optimizer=dict(lr=0.001))
