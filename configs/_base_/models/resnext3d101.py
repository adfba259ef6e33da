# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# 3D ResNeXt-101 (section IV-B) for RGB and for flow, from the weights on Kinetics-400 that
# MARS publishes: RGB_Kinetics_64f.pth and Flow_Kinetics_64f.pth, each converted by
# tools/model_converters/resnext3d.py. What takes them sets the number of classes.
_head = dict(
    type='I3DHead',
    num_classes=400,
    in_channels=2048,
    spatial_type='avg',
    dropout_ratio=0.0,
    average_clips='prob',
)
resnext3d101_rgb = dict(
    type='Recognizer3D',
    backbone=dict(
        type='dynkd.ResNeXt3D',
        depth=101,
        in_channels=3,
        init_cfg=dict(
            type='Pretrained',
            checkpoint='checkpoints/resnext3d101_rgb_kinetics400.pth',
            prefix='backbone.',
        ),
    ),
    cls_head=_head,
    # Less the mean of ActivityNet.
    data_preprocessor=dict(
        type='ActionDataPreprocessor',
        mean=[114.7748, 107.7354, 99.475],
        std=[1.0, 1.0, 1.0],
        format_shape='NCTHW',
    ),
)
resnext3d101_flow = dict(
    type='Recognizer3D',
    backbone=dict(
        type='dynkd.ResNeXt3D',
        depth=101,
        in_channels=2,
        init_cfg=dict(
            type='Pretrained',
            checkpoint='checkpoints/resnext3d101_flow_kinetics400.pth',
            prefix='backbone.',
        ),
    ),
    cls_head=_head,
    data_preprocessor=dict(
        type='ActionDataPreprocessor',
        mean=[127.5, 127.5],
        std=[1.0, 1.0],
        format_shape='NCTHW',
    ),
)
