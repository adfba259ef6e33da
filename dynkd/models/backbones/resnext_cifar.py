# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""ResNeXt for images of 32x32."""

from typing import Any

from mmcv.cnn import build_conv_layer, build_norm_layer
from mmpretrain.models.backbones import ResNet_CIFAR, ResNeXt
from mmpretrain.models.backbones.resnet import BasicBlock

from dynkd.registry import MODELS


class ResNeXtBasicBlock(BasicBlock):
    """Two 3x3 convolutions with the inner width of ``groups`` paths.

    Paths of two layers add up to one wide, dense block (section 3.3 of `Aggregated
    Residual Transformations for Deep Neural Networks
    <https://arxiv.org/abs/1611.05431>`_), so nothing is grouped.

    Args:
        in_channels (int): Channels of the input.
        out_channels (int): Channels of the output.
        base_channels (int): ``out_channels`` in the first stage. Defaults to 64.
        groups (int): Number of paths. Defaults to 32.
        width_per_group (int): Channels of a path in the first stage. Defaults to 4.
        **kwargs: As in MMPretrain's ``BasicBlock``.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        base_channels: int = 64,
        groups: int = 32,
        width_per_group: int = 4,
        **kwargs: Any,
    ) -> None:
        super().__init__(in_channels, out_channels, **kwargs)
        self.mid_channels = groups * width_per_group * out_channels // base_channels
        self.conv1 = build_conv_layer(
            self.conv_cfg,
            in_channels,
            self.mid_channels,
            3,
            stride=self.stride,
            padding=self.dilation,
            dilation=self.dilation,
            bias=False,
        )
        norm1 = build_norm_layer(self.norm_cfg, self.mid_channels, postfix=1)[1]
        self.add_module(self.norm1_name, norm1)
        self.conv2 = build_conv_layer(
            self.conv_cfg, self.mid_channels, out_channels, 3, padding=1, bias=False
        )


@MODELS.register_module()
class ResNeXt_CIFAR(ResNeXt, ResNet_CIFAR):
    """ResNeXt with the stem of ``ResNet_CIFAR``, also with 18 and 34 layers.

    ResNeXt-18 with 32 paths of 4 channels has twice the operations of ResNet-18, as in
    Table 2 of `DTSKD: Dual Teachers for Self-Knowledge Distillation`.

    Args:
        depth (int): 18 or 34, with basic blocks, or 50, 101 or 152, with bottlenecks.
        groups (int): Number of paths in a block. Defaults to 32.
        width_per_group (int): Channels of a path in the first stage. Defaults to 4.
        **kwargs: As in MMPretrain's ``ResNeXt``. The output of the last stage has shape
            (B, 512, H / 8, W / 8), or (B, 2048, H / 8, W / 8) with bottlenecks.

    Raises:
        KeyError: If there is no network of this depth.
    """

    arch_settings = {
        18: (ResNeXtBasicBlock, (2, 2, 2, 2)),
        34: (ResNeXtBasicBlock, (3, 4, 6, 3)),
        **ResNeXt.arch_settings,
    }
