# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Clips for both streams, section IV-B: 64 frames, random crops of 112x112; for testing, the
# centre of all clips that do not overlap. What inherits from it sets the data set. A model
# that is trained by itself takes the pipelines `rgb_...` or `flow_...`. The batch size is
# ours.
#
# The frames are 256 pixels high, or wide. "Following [11]", MARS, whose code crops corners
# or the centre at five scales, flips, and tests with whole heights.
_base_ = './action_parts.py'

_train_geometry = dict(
    type='dynkd.PairedTransforms',
    transforms=[
        dict(
            type='MultiScaleCrop',
            input_size=112,
            scales=(1, 0.8409, 0.7071, 0.5946, 0.5),
            max_wh_scale_gap=0,
        ),
        dict(type='Resize', scale=(112, 112), keep_ratio=False),
        dict(type='Flip', flip_ratio=0.5),
        dict(type='FormatShape', input_format='NCTHW'),
    ],
)
_test_geometry = dict(
    type='dynkd.PairedTransforms',
    transforms=[
        dict(type='Resize', scale=(-1, 112)),
        dict(type='CenterCrop', crop_size=112),
        dict(type='FormatShape', input_format='NCTHW'),
    ],
)
_train_clip = dict(type='SampleFrames', clip_len=64, frame_interval=1, num_clips=1)
_test_clips = dict(type='dynkd.SampleAllClips', clip_len=64)

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
