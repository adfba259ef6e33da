# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""ShuffleNets for images of 32x32."""

from collections.abc import Sequence
from typing import Any, Optional

from mmcv.cnn import ConvModule
from mmpretrain.models.backbones import ShuffleNetV1, ShuffleNetV2
from mmpretrain.models.backbones.shufflenet_v1 import ShuffleUnit
from torch import nn

from dynkd.registry import MODELS


class CIFARStem:
    """Puts a stem that keeps the resolution in place of a ShuffleNet's own.

    A mix-in, before one of MMPretrain's ShuffleNets.

    Args:
        *args: As for the ShuffleNet.
        stem_kernel_size (int): Side of the first convolution's kernel, odd. Defaults to
            3.
        **kwargs: As for the ShuffleNet.

    Raises:
        ValueError: If the kernel is not odd.
    """

    conv1: Any
    conv_cfg: Any
    norm_cfg: Any
    act_cfg: Any

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

    With ``stage_channels`` and ``strides`` the stages fit those of another network, so
    that their units can replace its blocks. For the stages of ResNet-50x4,
    64, 128 and 256 channels at 32x32, 16x16 and 8x8, that is ``stage_channels=(64, 128,
    256), strides=(1, 2, 2)`` (ours; `Interactive Knowledge Distillation
    <https://arxiv.org/abs/2007.01476>`_ does not say how its ShuffleNet fits).

    Args:
        *args: As in MMPretrain's ``ShuffleNetV1``.
        stem_kernel_size (int): Side of the first convolution's kernel, odd. Defaults to
            3.
        stage_channels (Sequence[int], optional): Channels of the three stages. Defaults
            to None: those of the paper for so many groups, times ``widen_factor``.
        strides (Sequence[int]): Strides of the three stages, 1 or 2. Defaults to
            ``(2, 2, 2)``.
        **kwargs: As in MMPretrain's ``ShuffleNetV1``. The output of the last stage has
            shape (B, 960, H / 8, W / 8) by default.

    Raises:
        ValueError: If the kernel is not odd, there are not three stages, a stride is
            neither 1 nor 2, or units of so many channels and groups do not exist.
    """

    def __init__(
        self,
        *args: Any,
        stage_channels: Optional[Sequence[int]] = None,
        strides: Sequence[int] = (2, 2, 2),
        **kwargs: Any,
    ) -> None:
        if len(strides) != 3 or not set(strides) <= {1, 2}:
            raise ValueError(
                f'ShuffleNetV1_CIFAR: strides must be three of 1 and 2, got '
                f'{tuple(strides)}'
            )
        if stage_channels is not None and len(stage_channels) != 3:
            raise ValueError(
                f'ShuffleNetV1_CIFAR: stage_channels must be three numbers, got '
                f'{tuple(stage_channels)}'
            )
        self.stage_channels = stage_channels
        self.strides = tuple(strides)
        super().__init__(*args, **kwargs)

    def make_layer(
        self, out_channels: int, num_blocks: int, first_block: bool = False
    ) -> nn.Sequential:
        """Build a stage.

        Args:
            out_channels (int): Channels of the stage without ``stage_channels``.
            num_blocks (int): Number of units.
            first_block (bool): Whether the first 1x1 convolution of the first unit is
                not grouped. Defaults to False.

        Returns:
            nn.Sequential: The units.
        """
        stage = len(self.layers)
        if self.stage_channels is not None:
            out_channels = self.stage_channels[stage]
            self._check_channels(out_channels)
        layer = super().make_layer(out_channels, num_blocks, first_block)
        if self.strides[stage] == 1:
            self._keep_resolution(layer[0])
        return layer

    def _check_channels(self, channels: int) -> None:
        """Reject a width for which no unit exists."""
        # The first unit concatenates its input with as many channels as are missing.
        grown = channels - self.in_channels
        if grown < 1 or channels % (4 * self.groups) or grown % self.groups:
            raise ValueError(
                f'ShuffleNetV1_CIFAR: no stage of {channels} channels follows '
                f'{self.in_channels} in {self.groups} groups: it must be wider, '
                f'divisible by {4 * self.groups}, and their difference by {self.groups}'
            )

    def _keep_resolution(self, unit: ShuffleUnit) -> None:
        """Give the first unit of a stage, which concatenates, a stride of 1."""
        channels = unit.bottleneck_channels
        unit.depthwise_stride = 1
        unit.depthwise_conv3x3_bn = ConvModule(
            channels,
            channels,
            3,
            padding=1,
            groups=channels,
            conv_cfg=self.conv_cfg,
            norm_cfg=self.norm_cfg,
            act_cfg=None,
        )
        unit.avgpool = nn.Identity()


@MODELS.register_module()
class ShuffleNetV2_CIFAR(CIFARStem, ShuffleNetV2):
    """ShuffleNetV2 whose stem keeps the resolution: stride 1, no max pooling.

    The stem of the zoo of `Contrastive Representation Distillation
    <https://arxiv.org/abs/1910.10699>`_, which other distillation papers use, is
    ``stem_kernel_size=1``.

    Args:
        *args: As in MMPretrain's ``ShuffleNetV2``.
        stem_kernel_size (int): Side of the first convolution's kernel, odd. Defaults to
            3.
        **kwargs: As in MMPretrain's ``ShuffleNetV2``. The output of the last layer has
            shape (B, 1024, H / 8, W / 8).

    Raises:
        ValueError: If the kernel is not odd.
    """
