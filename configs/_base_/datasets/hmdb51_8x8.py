# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# HMDB51 for the SlowOnly of MMAction2: every eighth of 64 frames, 224x224. Training crops
# as its Kinetics configs do; testing is that of the paper. All ours.
_base_ = './hmdb51.py'

_train_geometry = dict(
    type='dynkd.PairedTransforms',
    transforms=[
        dict(type='RandomResizedCrop'),
        dict(type='Resize', scale=(224, 224), keep_ratio=False),
        dict(type='Flip', flip_ratio=0.5),
        dict(type='FormatShape', input_format='NCTHW'),
    ],
)
_test_geometry = dict(
    type='dynkd.PairedTransforms',
    transforms=[
        dict(type='Resize', scale=(-1, 224)),
        dict(type='CenterCrop', crop_size=224),
        dict(type='FormatShape', input_format='NCTHW'),
    ],
)
_train_clip = dict(type='SampleFrames', clip_len=8, frame_interval=8, num_clips=1)
_test_clips = dict(type='dynkd.SampleAllClips', clip_len=8, frame_interval=8)

train_pipeline = [
    _train_clip,
    _base_.frames,
    _base_.flow,
    _train_geometry,
    _base_.pack_both,
]
test_pipeline = [
    _test_clips,
    _base_.frames,
    _base_.flow,
    _test_geometry,
    _base_.pack_both,
]
rgb_train_pipeline = [_train_clip, _base_.frames, _train_geometry, _base_.pack_rgb]
rgb_test_pipeline = [_test_clips, _base_.frames, _test_geometry, _base_.pack_rgb]
flow_train_pipeline = [_train_clip, _base_.flow, _train_geometry, _base_.pack_flow]
flow_test_pipeline = [_test_clips, _base_.flow, _test_geometry, _base_.pack_flow]

train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
