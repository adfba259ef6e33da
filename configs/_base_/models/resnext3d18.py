# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# A narrow 3D ResNeXt-18 for small data sets of short clips, for RGB and for flow. What
# takes them sets the number of classes.
_backbone = dict(
    type='dynkd.ResNeXt3D',
    depth=18,
    cardinality=8,
    base_channels=16,
    conv1_kernel=(3, 7, 7),
)
_head = dict(
    type='I3DHead',
    num_classes=2,
    in_channels=128,
    spatial_type='avg',
    dropout_ratio=0.0,
    average_clips='prob',
    topk=(1,),
)
resnext3d18_rgb = dict(
    type='Recognizer3D',
    backbone=dict(in_channels=3, **_backbone),
    cls_head=_head,
    data_preprocessor=dict(
        type='ActionDataPreprocessor',
        mean=[114.7748, 107.7354, 99.475],
        std=[1.0, 1.0, 1.0],
        format_shape='NCTHW',
    ),
)
resnext3d18_flow = dict(
    type='Recognizer3D',
    backbone=dict(in_channels=2, **_backbone),
    cls_head=_head,
    data_preprocessor=dict(
        type='ActionDataPreprocessor',
        mean=[127.5, 127.5],
        std=[1.0, 1.0],
        format_shape='NCTHW',
    ),
)
