# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Residual blocks with cheap convolutions: grouped, and mixed by 1x1 convolutions."""

from typing import Any, Optional

from mmcv.cnn import build_activation_layer, build_conv_layer, build_norm_layer
from mmpretrain.models.backbones.resnet import BasicBlock, Bottleneck
from torch import nn


class CheapConv(nn.Sequential):
    """A grouped 3x3 convolution, batch norm, ReLU and a 1x1 convolution.

    It replaces a 3x3 convolution, so that, with the norm layer and the ReLU that
    follow, "Conv3x3-BN-ReLU" becomes "group Conv3x3-BN-ReLU-Conv1x1-BN-ReLU": the block
    G(g) of `Moonshine: Distilling with Cheap Convolutions
    <https://arxiv.org/abs/1711.02613>`_, as in section 4.6 of `Interactive Knowledge
    Distillation <https://arxiv.org/abs/2007.01476>`_.

    Args:
        in_channels (int): Channels of the input, and of the grouped convolution.
        out_channels (int): Channels of the output.
        groups (int): Groups of the 3x3 convolution.
        stride (int): Stride of the 3x3 convolution. Defaults to 1.
        dilation (int): Dilation of the 3x3 convolution, which pads as much. Defaults to
            1.
        conv_cfg (dict, optional): Config of the convolutions. Defaults to None.
        norm_cfg (dict, optional): Config of the norm layer. Defaults to None:
            ``dict(type='BN')``.

    Raises:
        ValueError: If the groups do not divide the channels.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        groups: int,
        stride: int = 1,
        dilation: int = 1,
        conv_cfg: Optional[dict] = None,
        norm_cfg: Optional[dict] = None,
    ) -> None:
        if groups < 1 or in_channels % groups:
            raise ValueError(
                f'a cheap convolution of {in_channels} channels cannot have {groups} '
                'groups: give a number that divides the channels of every stage and of '
                'the stem'
            )
        super().__init__(
            build_conv_layer(
                conv_cfg,
                in_channels,
                in_channels,
                3,
                stride=stride,
                padding=dilation,
                dilation=dilation,
                groups=groups,
                bias=False,
            ),
            build_norm_layer(norm_cfg or dict(type='BN'), in_channels)[1],
            build_activation_layer(dict(type='ReLU', inplace=True)),
            build_conv_layer(conv_cfg, in_channels, out_channels, 1, bias=False),
        )


class CheapBasicBlock(BasicBlock):
    """A basic block, both of whose convolutions are cheap.

    Args:
        *args: As in MMPretrain's ``BasicBlock``.
        groups (int): Groups of the 3x3 convolutions.
        **kwargs: As in MMPretrain's ``BasicBlock``.

    Raises:
        ValueError: If the groups do not divide the channels.
    """

    def __init__(self, *args: Any, groups: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        layers = dict(groups=groups, conv_cfg=self.conv_cfg, norm_cfg=self.norm_cfg)
        self.conv1 = CheapConv(
            self.in_channels,
            self.mid_channels,
            stride=self.stride,
            dilation=self.dilation,
            **layers,
        )
        self.conv2 = CheapConv(self.mid_channels, self.out_channels, **layers)


class CheapBottleneck(Bottleneck):
    """A bottleneck, whose 3x3 convolution is cheap.

    Args:
        *args: As in MMPretrain's ``Bottleneck``.
        groups (int): Groups of the 3x3 convolution.
        **kwargs: As in MMPretrain's ``Bottleneck``.

    Raises:
        ValueError: If the groups do not divide the channels.
    """

    def __init__(self, *args: Any, groups: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.conv2 = CheapConv(
            self.mid_channels,
            self.mid_channels,
            groups=groups,
            stride=self.conv2_stride,
            dilation=self.dilation,
            conv_cfg=self.conv_cfg,
            norm_cfg=self.norm_cfg,
        )
