# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# As a project has it: a ResNet-50 for three kinds of flowers, in folders of its own.
_base_ = 'mmpretrain::resnet/resnet50_8xb32_in1k.py'

model = dict(
    backbone=dict(base_channels=8, stem_channels=8),
    head=dict(in_channels=256, num_classes=3, topk=(1,)),
)
data_preprocessor = dict(num_classes=3)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='RandomResizedCrop', scale=32),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='PackInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='ResizeEdge', scale=36, edge='short'),
    dict(type='CenterCrop', crop_size=32),
    dict(type='PackInputs'),
]
loading = dict(batch_size=4, num_workers=0, persistent_workers=False)
flowers = dict(type='CustomDataset', _delete_=True)
train_dataloader = dict(
    **loading,
    dataset=dict(flowers, data_root='data/train', pipeline=train_pipeline),
)
val_dataloader = dict(
    **loading, dataset=dict(flowers, data_root='data/val', pipeline=test_pipeline)
)
test_dataloader = val_dataloader
val_evaluator = dict(topk=(1,))
test_evaluator = val_evaluator
train_cfg = dict(max_epochs=2)
optim_wrapper = dict(optimizer=dict(lr=0.01))
