# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# MMAction2's SlowOnly for RGB and for flow, from its weights for RGB on Kinetics-400. It
# publishes none for flow any more: the first convolution, which reads 2 channels there,
# does not fit and starts from scratch (ours). What takes them sets the number of classes.
_backbone = dict(
    type='ResNet3dSlowOnly',
    depth=50,
    pretrained=None,
    lateral=False,
    conv1_kernel=(1, 7, 7),
    conv1_stride_t=1,
    pool1_stride_t=1,
    inflate=(0, 0, 1, 1),
    norm_eval=False,
)
_head = dict(
    type='I3DHead',
    num_classes=400,
    in_channels=2048,
    spatial_type='avg',
    dropout_ratio=0.5,
    average_clips='prob',
)
_rgb_kinetics400 = dict(
    type='Pretrained',
    checkpoint='https://download.openmmlab.com/mmaction/v1.0/recognition/slowonly/slowonly_r50_8xb16-8x8x1-256e_kinetics400-rgb/slowonly_r50_8xb16-8x8x1-256e_kinetics400-rgb_20220901-2132fc87.pth',
    prefix='backbone.',
)
slowonly_rgb = dict(
    type='Recognizer3D',
    backbone=dict(
        in_channels=3,
        init_cfg=_rgb_kinetics400,
        **_backbone,
    ),
    cls_head=_head,
    data_preprocessor=dict(
        type='ActionDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        format_shape='NCTHW',
    ),
)
slowonly_flow = dict(
    type='Recognizer3D',
    backbone=dict(
        in_channels=2,
        init_cfg=_rgb_kinetics400,
        **_backbone,
    ),
    cls_head=_head,
    data_preprocessor=dict(
        type='ActionDataPreprocessor',
        mean=[128.0, 128.0],
        std=[128.0, 128.0],
        format_shape='NCTHW',
    ),
)
