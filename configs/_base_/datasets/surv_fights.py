# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Fight or no fight: two seconds of surveillance cameras, 30 frames. The frames and flow that
# tools/dataset_converters/extract_flow.py writes; of another size, they are resized:
#   extract_flow.py data/surv_fights/clips data/surv_fights_rawframes --fps 0 \
#       --short-side 96 --annotation data/surv_fights/train.txt data/surv_fights/val.txt
# For testing, two clips from the beginning to the end.
_base_ = './action_parts.py'

_train_geometry = dict(
    type='dynkd.PairedTransforms',
    transforms=[
        dict(type='Resize', scale=(-1, 96)),
        dict(type='RandomCrop', size=80),
        dict(type='Flip', flip_ratio=0.5),
        dict(type='FormatShape', input_format='NCTHW'),
    ],
)
_test_geometry = dict(
    type='dynkd.PairedTransforms',
    transforms=[
        dict(type='Resize', scale=(-1, 96)),
        dict(type='CenterCrop', crop_size=96),
        dict(type='FormatShape', input_format='NCTHW'),
    ],
)
_train_clip = dict(type='SampleFrames', clip_len=16, frame_interval=1, num_clips=1)
_test_clips = dict(
    type='SampleFrames', clip_len=16, frame_interval=1, num_clips=2, test_mode=True
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
        data_root='data/surv_fights_rawframes/',
        ann_file='train.txt',
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=16,
    num_workers=1,
    dataset=dict(
        data_root='data/surv_fights_rawframes/',
        ann_file='val.txt',
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(
    metric_list=('top_k_accuracy',),
    metric_options=dict(top_k_accuracy=dict(topk=(1,))),
)
test_evaluator = val_evaluator
