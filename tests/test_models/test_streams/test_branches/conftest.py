# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
from typing import Any, Callable

import pytest
from torch import nn

from dynkd.registry import MODELS

BATCH_NORM = dict(type='BN')
#: Backbones of MMPretrain, small; and which modules end their stages on 64 x 64 images.
BACKBONES: dict[str, tuple[dict[str, Any], list[str]]] = {
    'resnet': (
        dict(type='ResNet', depth=18, base_channels=4, stem_channels=4),
        ['layer1', 'layer2', 'layer3', 'layer4'],
    ),
    'resnet_cifar': (
        dict(type='ResNet_CIFAR', depth=18, base_channels=4, stem_channels=4),
        ['layer1', 'layer2', 'layer3', 'layer4'],
    ),
    'vgg': (
        dict(type='VGG', depth=11, norm_cfg=BATCH_NORM),
        ['features.0', 'features.2', 'features.5', 'features.8', 'features.11'],
    ),
    'shufflenet_v1': (
        dict(type='ShuffleNetV1', groups=3, widen_factor=0.5),
        ['layers.0', 'layers.1', 'layers.2'],
    ),
    # The last 1 x 1 convolution, `layers.3`, belongs to the third stage.
    'shufflenet_v2': (
        dict(type='ShuffleNetV2', widen_factor=0.5),
        ['layers.0', 'layers.1', 'layers.3'],
    ),
    'mobilenet_v2': (
        dict(type='MobileNetV2', widen_factor=0.1),
        ['layer1', 'layer2', 'layer3', 'layer5', 'conv2'],
    ),
    'mobilenet_v3': (
        dict(type='MobileNetV3', arch='small_050'),
        ['layer0', 'layer1', 'layer3', 'layer8', 'layer12'],
    ),
    'efficientnet': (
        dict(type='EfficientNet', arch='b0'),
        ['layers.1', 'layers.2', 'layers.3', 'layers.4', 'layers.6'],
    ),
    'convnext': (
        dict(type='ConvNeXt', arch=dict(depths=[1] * 4, channels=[4, 8, 12, 16])),
        ['stages.0', 'stages.1', 'stages.2', 'stages.3'],
    ),
    'swin': (
        dict(
            type='SwinTransformer',
            arch=dict(embed_dims=8, depths=[1] * 4, num_heads=[1] * 4),
            img_size=64,
            window_size=2,
        ),
        ['stages.0', 'stages.1', 'stages.2', 'stages.3'],
    ),
    'regnet': (
        dict(
            type='RegNet',
            arch=dict(w0=8, wa=8.0, wm=2.0, group_w=4, depth=6, bot_mul=1),
        ),
        ['layer1', 'layer2', 'layer3', 'layer4'],
    ),
}


@pytest.fixture
def body() -> Callable[[str], nn.Module]:
    """A model that is nothing but a small backbone of a family."""

    def build(family: str) -> nn.Module:
        cfg = dict(BACKBONES[family][0])
        model = nn.Module()
        model.backbone = MODELS.build(dict(cfg, type=f'mmpretrain.{cfg["type"]}'))
        model.backbone.train()
        return model

    return build
