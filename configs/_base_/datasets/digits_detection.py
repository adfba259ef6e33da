# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Scenes of handwritten digits, 160x160, made by tools/dataset_converters/digits.py.
_base_ = './small_detection.py'

data_root = 'data/digits/det/'
metainfo = dict(classes=('0', '1', '2', '3', '4', '5', '6', '7', '8', '9'))
train_dataloader = dict(
    batch_size=4,  # more steps in the same time
    dataset=dict(
        data_root=data_root,
        ann_file='annotations/train.json',
        data_prefix=dict(img='train/'),
        metainfo=metainfo,
    ),
)
val_dataloader = dict(
    dataset=dict(
        data_root=data_root,
        ann_file='annotations/val.json',
        data_prefix=dict(img='val/'),
        metainfo=metainfo,
    )
)
test_dataloader = val_dataloader
val_evaluator = dict(ann_file=data_root + 'annotations/val.json')
test_evaluator = val_evaluator
