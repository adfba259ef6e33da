# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# A small Semantic FPN for scenes of 160x160, with a narrow ResNet-18, and its half. Both
# start from scratch. The logits have stride 4.
_preprocessor = dict(
    type='SegDataPreProcessor',
    mean=[127.5, 127.5, 127.5],
    std=[63.75, 63.75, 63.75],
    size=(160, 160),
    seg_pad_val=255,
)
_backbone = dict(
    type='ResNet',
    depth=18,
    norm_cfg=dict(type='BN', requires_grad=True),
    norm_eval=False,
    zero_init_residual=False,
)
_head = dict(
    type='FPNHead',
    in_index=[0, 1, 2, 3],
    feature_strides=[4, 8, 16, 32],
    num_classes=11,
    dropout_ratio=0.1,
    norm_cfg=dict(type='BN', requires_grad=True),
    align_corners=False,
    # Nine of ten pixels are background.
    loss_decode=dict(type='CrossEntropyLoss', class_weight=[0.1, *[1.0] * 10]),
)

fpn_digits = dict(
    type='EncoderDecoder',
    data_preprocessor=_preprocessor,
    backbone=dict(base_channels=32, stem_channels=32, **_backbone),
    neck=dict(type='FPN', in_channels=[32, 64, 128, 256], out_channels=64, num_outs=4),
    decode_head=dict(in_channels=[64, 64, 64, 64], channels=64, **_head),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
fpn_digits_half = dict(
    type='EncoderDecoder',
    data_preprocessor=_preprocessor,
    backbone=dict(base_channels=16, stem_channels=16, **_backbone),
    neck=dict(type='FPN', in_channels=[16, 32, 64, 128], out_channels=32, num_outs=4),
    decode_head=dict(in_channels=[32, 32, 32, 32], channels=32, **_head),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
