# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""A convolution that changes the number of channels of a feature."""

from collections.abc import Sequence
from typing import Any, Optional, Union

from mmcv.cnn import ConvModule, build_activation_layer, build_norm_layer
from mmengine.model import BaseModule
from torch import Tensor, nn

from dynkd.registry import MODELS
from dynkd.utils.kinds import Count

#: Rank of the feature that a convolution over so many dimensions takes.
RANKS = {1: '3-D (B, C, T)', 2: '4-D (B, C, H, W)', 3: '5-D (B, C, T, H, W)'}


@MODELS.register_module()
class ChannelAligner(BaseModule):
    """A convolution that maps features to the channels of a transfer's other side.

    Args:
        in_channels (int): Channels of the features that it receives.
        out_channels (int): Channels of the features that it returns.
        kernel_size (int): Side of the kernel, odd; the resolution stays. Defaults to 1.
        dims (int): How many dimensions the convolution runs over: 2 for maps
            (B, C, H, W), 3 for video (B, C, T, H, W), 1 for (B, C, T), and 0 for a
            linear layer over the last dimension, for vectors (B, C) and tokens
            (B, L, C). Defaults to 2.
        num_levels (int, optional): Levels with a convolution each, for features that
            are a list. Defaults to None: one convolution, shared by all levels.
        norm_cfg (dict, optional): Normalisation after the convolution, as in MMCV's
            ``ConvModule``. Defaults to None.
        act_cfg (dict, optional): Activation after that. Defaults to None: a linear map.
        init_cfg (dict or list[dict], optional): How to initialise it, as in MMEngine.
            Defaults to None: ``ConvModule``'s own initialisation.

    Raises:
        ValueError: If an argument is out of its range; in the forward pass, if a
            feature has other channels or another rank, or the number of levels differs.
    """

    def __init__(
        self,
        in_channels: Count,
        out_channels: Count,
        kernel_size: Count = 1,
        dims: int = 2,
        num_levels: Optional[Count] = None,
        norm_cfg: Optional[dict[str, Any]] = None,
        act_cfg: Optional[dict[str, Any]] = None,
        init_cfg: Union[dict[str, Any], list[dict[str, Any]], None] = None,
    ) -> None:
        super().__init__(init_cfg)
        if dims != 0 and dims not in RANKS:
            raise ValueError(f'ChannelAligner: dims must be 0, 1, 2 or 3, got {dims}')
        if kernel_size % 2 == 0 or (dims == 0 and kernel_size != 1):
            raise ValueError(
                'ChannelAligner: kernel_size must be odd, and 1 where dims=0, got '
                f'{kernel_size}'
            )
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.dims = dims
        self.num_levels = num_levels
        self.layers = nn.ModuleList(
            self._layer(kernel_size, norm_cfg, act_cfg)
            for _ in range(1 if num_levels is None else num_levels)
        )

    def _layer(
        self,
        kernel_size: int,
        norm_cfg: Optional[dict[str, Any]],
        act_cfg: Optional[dict[str, Any]],
    ) -> nn.Module:
        if self.dims:
            return ConvModule(
                self.in_channels,
                self.out_channels,
                kernel_size,
                padding=kernel_size // 2,
                conv_cfg={'type': f'Conv{self.dims}d'},
                norm_cfg=norm_cfg,
                act_cfg=act_cfg,
            )
        layers = [nn.Linear(self.in_channels, self.out_channels, bias=norm_cfg is None)]
        if norm_cfg is not None:
            layers.append(build_norm_layer(norm_cfg, self.out_channels)[1])
        if act_cfg is not None:
            layers.append(build_activation_layer(act_cfg))
        return nn.Sequential(*layers)

    def forward(
        self, feature: Union[Tensor, Sequence[Tensor]]
    ) -> Union[Tensor, list[Tensor]]:
        """Change the number of channels.

        Args:
            feature (Tensor | Sequence[Tensor]): A feature of ``in_channels`` channels,
                or one per level.

        Returns:
            Tensor | list[Tensor]: The same with ``out_channels`` channels.

        Raises:
            ValueError: If a feature has other channels or another rank than the layers
                are for, or there are not ``num_levels`` levels.
        """
        if isinstance(feature, Tensor):
            return self._align([feature])[0]
        return self._align(feature)

    def _align(self, levels: Sequence[Tensor]) -> list[Tensor]:
        if self.num_levels not in (None, len(levels)):
            raise ValueError(
                f'ChannelAligner: got {len(levels)} level(s), but num_levels='
                f'{self.num_levels}; leave num_levels out to share one convolution'
            )
        for level in levels:
            self._check(level)
        layers = list(self.layers)
        if self.num_levels is None:
            layers *= len(levels)
        return [layer(level) for layer, level in zip(layers, levels)]

    def _check(self, level: Tensor) -> None:
        shape = tuple(level.shape)
        if self.dims and level.dim() != self.dims + 2:
            tokens = '; TokensToMap makes a map of tokens' if level.dim() == 3 else ''
            raise ValueError(
                f'ChannelAligner: got a feature of shape {shape}, but dims={self.dims} '
                f'is for {RANKS[self.dims]} features, and dims=0 for (B, C), (B, L, C)'
                f'{tokens}'
            )
        channels = level.size(1 if self.dims else -1)
        if channels != self.in_channels:
            raise ValueError(
                f'ChannelAligner: got a feature of shape {shape}, which has {channels} '
                f'channels, but in_channels={self.in_channels}'
            )
