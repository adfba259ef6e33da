# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The wide residual networks of three stages for images of 32x32."""

from collections.abc import Sequence
from typing import Any, Optional

import torch
from mmcv.cnn import build_norm_layer
from mmpretrain.models.backbones.base_backbone import BaseBackbone
from torch import nn

from dynkd.registry import MODELS
from dynkd.utils.kinds import Count

_INIT = [
    dict(type='Kaiming', layer=['Conv2d']),
    dict(type='Constant', val=1, layer=['_BatchNorm']),
]


class PreActBlock(nn.Module):
    """Batch norm, ReLU and a 3x3 convolution, twice, and a shortcut.

    Where the number of channels changes, the shortcut is a 1x1 convolution of the
    normalised input.

    Args:
        in_channels (int): Channels of the input.
        out_channels (int): Channels of the output.
        stride (int): Stride of the first convolution and of the shortcut.
        norm_cfg (dict): Config of the norm layers.
    """

    def __init__(
        self, in_channels: int, out_channels: int, stride: int, norm_cfg: dict
    ) -> None:
        super().__init__()
        self.norm1 = build_norm_layer(norm_cfg, in_channels)[1]
        self.conv1 = nn.Conv2d(
            in_channels, out_channels, 3, stride=stride, padding=1, bias=False
        )
        self.norm2 = build_norm_layer(norm_cfg, out_channels)[1]
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.relu = nn.ReLU(inplace=True)
        self.shortcut: Optional[nn.Conv2d] = None
        if in_channels != out_channels:
            self.shortcut = nn.Conv2d(
                in_channels, out_channels, 1, stride=stride, bias=False
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Add the output of the convolutions to the shortcut.

        Args:
            x (Tensor): Feature map (B, in_channels, H, W).

        Returns:
            Tensor: Feature map (B, out_channels, H / stride, W / stride).
        """
        out = self.relu(self.norm1(x))
        identity = x if self.shortcut is None else self.shortcut(out)
        out = self.conv2(self.relu(self.norm2(self.conv1(out))))
        return identity + out


@MODELS.register_module()
class WideResNet_CIFAR(BaseBackbone):
    """Wide residual network of three stages with n blocks each: WRN-16-2, WRN-40-2.

    `Wide Residual Networks <https://arxiv.org/abs/1605.07146>`_, Table 1, with the
    shortcuts of the authors' code, which distillation papers use. MMPretrain has only
    the wide variant of ResNet-50.

    Args:
        depth (int): Number of layers, 6n+4: 16, 22, 28, 40.
        widen_factor (int): Channels of the stages are 16, 32 and 64 times this.
            Defaults to 1.
        out_indices (Sequence[int]): Stages returned, from 0 to 2; the last with its
            norm layer and ReLU. Defaults to ``(2,)``: the last, of shape
            (B, 64 widen_factor, H / 4, W / 4).
        frozen_stages (int): Stages that are not trained, with the stem before them:
            their weights and the statistics of their norm layers stay. 0 is the stem
            alone; 3 is all of the network. Defaults to -1: none.
        norm_cfg (dict): Config of the norm layers. Defaults to ``dict(type='BN')``.
        init_cfg (dict or list[dict], optional): How weights begin. Defaults to
            Kaiming's for convolutions, and 1 for norm layers.

    Raises:
        ValueError: If there is no network of this depth, no stage of such an index, or
            not so many stages to freeze.

    Example:
        >>> import torch
        >>> from dynkd.models.backbones import WideResNet_CIFAR
        >>> (feature,) = WideResNet_CIFAR(16, 2)(torch.rand(1, 3, 32, 32))
        >>> feature.shape
        torch.Size([1, 128, 8, 8])
    """

    def __init__(
        self,
        depth: Count,
        widen_factor: Count = 1,
        out_indices: Sequence[int] = (2,),
        frozen_stages: int = -1,
        norm_cfg: Optional[dict] = None,
        init_cfg: Any = _INIT,
    ) -> None:
        super().__init__(init_cfg)
        blocks, rest = divmod(depth - 4, 6)
        if blocks < 1 or rest:
            nearest = 6 * max(1, round((depth - 4) / 6)) + 4
            raise ValueError(
                f'WideResNet_CIFAR: the depth must be 6n+4, got {depth}; the '
                f'nearest is {nearest}'
            )
        if not set(out_indices) <= {0, 1, 2}:
            raise ValueError(
                'WideResNet_CIFAR: out_indices must be of 0, 1 and 2, got '
                f'{tuple(out_indices)}'
            )
        if frozen_stages not in range(-1, 4):
            raise ValueError(
                'WideResNet_CIFAR: frozen_stages must be from -1 to 3, got '
                f'{frozen_stages}'
            )
        self.out_indices = tuple(out_indices)
        self.frozen_stages = frozen_stages
        norm_cfg = norm_cfg or dict(type='BN')
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.res_layers = ['layer1', 'layer2', 'layer3']
        channels = 16
        for index, name in enumerate(self.res_layers):
            width = 16 * 2**index * widen_factor
            strides = [1 if index == 0 else 2] + [1] * (blocks - 1)
            layer = []
            for stride in strides:
                layer.append(PreActBlock(channels, width, stride, norm_cfg))
                channels = width
            self.add_module(name, nn.Sequential(*layer))
        self.norm = build_norm_layer(norm_cfg, channels)[1]
        self.relu = nn.ReLU(inplace=True)
        self._freeze()

    def _freeze(self) -> None:
        """Keep the stem and the first stages as they are."""
        frozen = [self.conv1] if self.frozen_stages >= 0 else []
        names = self.res_layers[: max(self.frozen_stages, 0)]
        frozen += [getattr(self, name) for name in names]
        frozen += [self.norm] if self.frozen_stages == 3 else []
        for module in frozen:
            module.eval()
            module.requires_grad_(False)

    def train(self, mode: bool = True) -> 'WideResNet_CIFAR':
        """Set training or evaluation mode, the latter for what is frozen.

        Args:
            mode (bool): Whether it is training mode. Defaults to True.

        Returns:
            WideResNet_CIFAR: The network itself.
        """
        super().train(mode)
        self._freeze()
        return self

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Run the stages.

        Args:
            x (Tensor): Images (B, 3, H, W).

        Returns:
            tuple[Tensor]: The feature maps of the stages of ``out_indices``.
        """
        x = self.conv1(x)
        outs = []
        for index, name in enumerate(self.res_layers):
            x = getattr(self, name)(x)
            if index in self.out_indices:
                outs.append(self.relu(self.norm(x)) if index == 2 else x)
        return tuple(outs)
