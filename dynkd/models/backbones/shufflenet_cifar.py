# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""ShuffleNets for images of 32x32."""

from typing import Any

from mmcv.cnn import ConvModule
from mmpretrain.models.backbones import ShuffleNetV1, ShuffleNetV2
from torch import nn

from dynkd.registry import MODELS


class CIFARStem:
    """Puts a stem that keeps the resolution in place of a ShuffleNet's own.

    A mix-in, before one of MMPretrain's ShuffleNets.

    Args:
        *args: As of the ShuffleNet.
        stem_kernel_size (int): Side of the first convolution's kernel, odd. Defaults to
            3.
        **kwargs: As of the ShuffleNet.

    Raises:
        ValueError: If the kernel is not odd.
    """

    def __init__(self, *args: Any, stem_kernel_size: int = 3, **kwargs: Any) -> None:
        if stem_kernel_size < 1 or stem_kernel_size % 2 == 0:
            raise ValueError(
                f'{type(self).__name__}: stem_kernel_size must be odd, got '
                f'{stem_kernel_size}'
            )
        super().__init__(*args, **kwargs)
        self.conv1 = ConvModule(
            self.conv1.in_channels,
            self.conv1.out_channels,
            stem_kernel_size,
            padding=stem_kernel_size // 2,
            conv_cfg=self.conv_cfg,
            norm_cfg=self.norm_cfg,
            act_cfg=self.act_cfg,
        )
        self.maxpool = nn.Identity()


@MODELS.register_module()
class ShuffleNetV1_CIFAR(CIFARStem, ShuffleNetV1):
    """ShuffleNetV1 whose stem keeps the resolution: stride 1, no max pooling.

    The stem of the zoo of `Contrastive Representation Distillation
    <https://arxiv.org/abs/1910.10699>`_, which other distillation papers use, is
    ``stem_kernel_size=1``. The units are MMPretrain's, as the `ShuffleNet paper
    <https://arxiv.org/abs/1707.01083>`_ has them, so a unit that halves the resolution
    is a little wider inside than in that zoo (1.00 M instead of 0.95 M parameters).

    Args:
        *args: As of MMPretrain's ``ShuffleNetV1``.
        stem_kernel_size (int): Side of the first convolution's kernel, odd. Defaults to
            3.
        **kwargs: As of MMPretrain's ``ShuffleNetV1``. The output of the last stage has
            shape (B, 960, H / 8, W / 8).

    Raises:
        ValueError: If the kernel is not odd.
    """


@MODELS.register_module()
class ShuffleNetV2_CIFAR(CIFARStem, ShuffleNetV2):
    """ShuffleNetV2 whose stem keeps the resolution: stride 1, no max pooling.

    The stem of the zoo of `Contrastive Representation Distillation
    <https://arxiv.org/abs/1910.10699>`_, which other distillation papers use, is
    ``stem_kernel_size=1``.

    Args:
        *args: As of MMPretrain's ``ShuffleNetV2``.
        stem_kernel_size (int): Side of the first convolution's kernel, odd. Defaults to
            3.
        **kwargs: As of MMPretrain's ``ShuffleNetV2``. The output of the last layer has
            shape (B, 1024, H / 8, W / 8).

    Raises:
        ValueError: If the kernel is not odd.
    """
