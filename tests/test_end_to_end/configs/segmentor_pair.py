# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DKD of segmentors as on the digit scenes, on tiny data.
_base_ = '../../../configs/dkd/fpn_r18_r18half_seg-digits.py'

# MMSegmentation's weights of classes fail where pixels have no label, as padded ones.
_smaller = dict(
    data_preprocessor=dict(size=(64, 64)),
    decode_head=dict(loss_decode=dict(class_weight=None)),
)
model = dict(
    streams=dict(
        teacher=dict(
            checkpoint=None,
            input_shape=(3, 64, 64),
            model=_smaller,
        ),
        student=dict(input_shape=(3, 64, 64), model=_smaller),
    )
)
data_root = '{{$E2E_DATA:data}}'
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='RandomCrop', crop_size=(48, 64)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PhotoMetricDistortion'),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    batch_size=4,
    num_workers=2,
    dataset=dict(
        data_root=data_root,
        data_prefix=dict(img_path='train', seg_map_path='masks_train'),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=2,
    num_workers=0,
    dataset=dict(
        data_root=data_root,
        data_prefix=dict(img_path='val', seg_map_path='masks_val'),
    ),
)
test_dataloader = val_dataloader
train_cfg = dict(max_epochs=2, val_interval=1)
default_hooks = dict(logger=dict(interval=1))
