# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What the stages of a 3D ResNeXt are made of: blocks and shortcuts."""

from typing import Optional

import torch
import torch.nn.functional as F
from mmcv.cnn import build_norm_layer
from torch import nn


class ZeroPadShortcut(nn.Module):
    """Shortcut A: every ``stride``-th position, and zeros for the missing channels.

    It has no weights. Unlike in the 3D-ResNets repository, whose shortcut A cuts the
    graph, the gradient flows through it; the output is the same.

    Args:
        out_channels (int): Channels of the output, not fewer than those of the input.
        stride (int): Stride in time, height and width.
    """

    def __init__(self, out_channels: int, stride: int) -> None:
        super().__init__()
        self.out_channels = out_channels
        self.stride = stride

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Take every ``stride``-th position and append zeros.

        Args:
            x (Tensor): Features (B, C, T, H, W).

        Returns:
            Tensor: Features (B, out_channels, T / stride, H / stride, W / stride).
        """
        step = self.stride
        kept = x[:, :, ::step, ::step, ::step]
        lack = self.out_channels - x.size(1)
        return F.pad(kept, (0, 0, 0, 0, 0, 0, 0, lack))


def build_shortcut(
    kind: str, in_channels: int, out_channels: int, stride: int, norm_cfg: dict
) -> Optional[nn.Module]:
    """Build the shortcut of a block.

    Args:
        kind (str): ``'A'``: :class:`ZeroPadShortcut`. ``'B'``: a 1x1x1 convolution and
            a norm layer.
        in_channels (int): Channels of the block's input.
        out_channels (int): Channels of its output.
        stride (int): Its stride in time, height and width.
        norm_cfg (dict): Config of the norm layers.

    Returns:
        nn.Module, optional: The shortcut. None: the identity, where nothing changes.
    """
    if stride == 1 and in_channels == out_channels:
        return None
    if kind == 'A':
        return ZeroPadShortcut(out_channels, stride)
    return nn.Sequential(
        nn.Conv3d(in_channels, out_channels, 1, stride=stride, bias=False),
        build_norm_layer(norm_cfg, out_channels)[1],
    )


class Bottleneck3d(nn.Module):
    """A 1x1x1, a grouped 3x3x3 and a 1x1x1 convolution, and a shortcut.

    Args:
        in_channels (int): Channels of the input.
        mid_channels (int): Channels of the grouped convolution.
        out_channels (int): Channels of the output.
        groups (int): Number of paths.
        stride (int): Stride of the grouped convolution in time, height and width.
        shortcut (nn.Module, optional): What the input is mapped by. None: nothing.
        norm_cfg (dict): Config of the norm layers.
    """

    #: Channels of the output, in channels of the stem, in the first stage.
    expansion = 4

    def __init__(
        self,
        in_channels: int,
        mid_channels: int,
        out_channels: int,
        groups: int,
        stride: int,
        shortcut: Optional[nn.Module],
        norm_cfg: dict,
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(in_channels, mid_channels, 1, bias=False)
        self.bn1 = build_norm_layer(norm_cfg, mid_channels)[1]
        self.conv2 = nn.Conv3d(
            mid_channels,
            mid_channels,
            3,
            stride=stride,
            padding=1,
            groups=groups,
            bias=False,
        )
        self.bn2 = build_norm_layer(norm_cfg, mid_channels)[1]
        self.conv3 = nn.Conv3d(mid_channels, out_channels, 1, bias=False)
        self.bn3 = build_norm_layer(norm_cfg, out_channels)[1]
        self.relu = nn.ReLU(inplace=True)
        self.downsample = shortcut

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Add the output of the convolutions to the shortcut.

        Args:
            x (Tensor): Features (B, in_channels, T, H, W).

        Returns:
            Tensor: Features (B, out_channels, T / stride, H / stride, W / stride).
        """
        identity = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        return self.relu(self.bn3(self.conv3(out)) + identity)


class BasicBlock3d(nn.Module):
    """Two 3x3x3 convolutions, and a shortcut.

    Paths of two layers add up to one wide, dense block (section 3.3 of `Aggregated
    Residual Transformations for Deep Neural Networks
    <https://arxiv.org/abs/1611.05431>`_), so nothing is grouped.

    Args:
        in_channels (int): Channels of the input.
        mid_channels (int): Channels of all paths between the convolutions.
        out_channels (int): Channels of the output.
        groups (int): Number of paths, which ``mid_channels`` holds already.
        stride (int): Stride of the first convolution in time, height and width.
        shortcut (nn.Module, optional): What the input is mapped by. None: nothing.
        norm_cfg (dict): Config of the norm layers.
    """

    #: Channels of the output, in channels of the stem, in the first stage.
    expansion = 1

    def __init__(
        self,
        in_channels: int,
        mid_channels: int,
        out_channels: int,
        groups: int,
        stride: int,
        shortcut: Optional[nn.Module],
        norm_cfg: dict,
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(
            in_channels, mid_channels, 3, stride=stride, padding=1, bias=False
        )
        self.bn1 = build_norm_layer(norm_cfg, mid_channels)[1]
        self.conv2 = nn.Conv3d(mid_channels, out_channels, 3, padding=1, bias=False)
        self.bn2 = build_norm_layer(norm_cfg, out_channels)[1]
        self.relu = nn.ReLU(inplace=True)
        self.downsample = shortcut

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Add the output of the convolutions to the shortcut.

        Args:
            x (Tensor): Features (B, in_channels, T, H, W).

        Returns:
            Tensor: Features (B, out_channels, T / stride, H / stride, W / stride).
        """
        identity = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(out)) + identity)
