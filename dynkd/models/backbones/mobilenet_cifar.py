# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""MobileNetV2 for images of 32x32."""

from mmpretrain.models.backbones import MobileNetV2

from dynkd.registry import MODELS


@MODELS.register_module()
class MobileNetV2_CIFAR(MobileNetV2):
    """MobileNetV2 whose second stage keeps the resolution.

    That of the zoo of `Contrastive Representation Distillation
    <https://arxiv.org/abs/1910.10699>`_, which other distillation papers use, is
    ``widen_factor=0.5``. Channels are multiples of 8, as in all of MMPretrain's
    MobileNets, so the stage of 12 channels in that zoo has 16.

    Args:
        widen_factor (float): Factor of the number of channels. Defaults to 1.0.
        **kwargs: As in MMPretrain's ``MobileNetV2``. The output of the last layer has
            shape (B, 1280, H / 16, W / 16).
    """

    arch_settings = [
        [1, 16, 1, 1],
        [6, 24, 2, 1],
        *MobileNetV2.arch_settings[2:],
    ]
