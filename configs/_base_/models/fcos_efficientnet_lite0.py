# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# What makes a small FCOS with an EfficientNet-Lite0 of MMDetection's FCOS with a
# ResNet-50. Its weights of ImageNet are those that
# `tools/model_converters/efficientnet_lite0.py` writes.
fcos_efficientnet_lite0 = dict(
    # The input that the weights were trained with, RGB between -1 and 1.
    data_preprocessor=dict(
        mean=[127.5, 127.5, 127.5], std=[127.5, 127.5, 127.5], bgr_to_rgb=True
    ),
    backbone=dict(
        _delete_=True,
        type='mmpretrain.TIMMBackbone',
        model_name='tf_efficientnet_lite0',
        features_only=True,
        init_cfg=dict(
            type='Pretrained', checkpoint='checkpoints/efficientnet-lite0_in1k.pth'
        ),
    ),
    # The backbone's five maps have strides of 2 to 32; the pyramid begins at 8.
    neck=dict(in_channels=[16, 24, 40, 112, 320], start_level=2, out_channels=128),
    bbox_head=dict(
        in_channels=128,
        feat_channels=128,
        stacked_convs=2,
        norm_cfg=dict(type='GN', num_groups=16),
    ),
)
