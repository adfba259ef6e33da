# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Moving digits, 20 frames of 64x64, whose class is their direction: a flip would change it.
# The frames and flow that tools/dataset_converters/extract_flow.py writes of what
# tools/dataset_converters/digits.py makes:
#   digits.py data/digits --task video
#   extract_flow.py data/digits/video data/digits/rawframes --short-side 0 \
#       --annotation data/digits/video/train.txt data/digits/video/val.txt
_base_ = './action_parts.py'

_train_geometry = dict(
    type='dynkd.PairedTransforms',
    transforms=[
        dict(type='RandomCrop', size=56),
        dict(type='FormatShape', input_format='NCTHW'),
    ],
)
_test_geometry = dict(
    type='dynkd.PairedTransforms',
    transforms=[
        dict(type='CenterCrop', crop_size=56),
        dict(type='FormatShape', input_format='NCTHW'),
    ],
)
_train_clip = dict(type='SampleFrames', clip_len=16, frame_interval=1, num_clips=1)
_test_clips = dict(
    type='SampleFrames', clip_len=16, frame_interval=1, num_clips=1, test_mode=True
)

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

train_dataloader = dict(
    batch_size=8,
    num_workers=1,
    dataset=dict(
        data_root='data/digits/rawframes/',
        ann_file='train.txt',
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=16,
    num_workers=1,
    dataset=dict(
        data_root='data/digits/rawframes/', ann_file='val.txt', pipeline=test_pipeline
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(
    metric_list=('top_k_accuracy',),
    metric_options=dict(top_k_accuracy=dict(topk=(1,))),
)
test_evaluator = val_evaluator
