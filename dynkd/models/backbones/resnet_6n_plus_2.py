# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The thin ResNets of three stages for images of 32x32."""

from collections.abc import Sequence
from typing import Any, Optional

from mmpretrain.models.backbones import ResNet_CIFAR
from mmpretrain.models.backbones.resnet import BasicBlock, Bottleneck
from torch import nn

from dynkd.registry import MODELS
from dynkd.utils.kinds import Count

from .cheap_blocks import CheapBasicBlock, CheapBottleneck

#: Each kind of block, and how many layers one block in each stage amounts to.
BLOCKS = {'basic': (BasicBlock, 6), 'bottleneck': (Bottleneck, 9)}
#: What takes the place of each where its 3x3 convolutions are cheap.
CHEAP = {BasicBlock: CheapBasicBlock, Bottleneck: CheapBottleneck}


@MODELS.register_module()
class ResNet6nPlus2(ResNet_CIFAR):
    """ResNet of three stages with n blocks each: ResNet-20, -32, -56, -110.

    The CIFAR networks of section 4.2 of `Deep Residual Learning for Image Recognition
    <https://arxiv.org/abs/1512.03385>`_. Their depth is 6n+2 with basic blocks and 9n+2
    with bottlenecks. Unlike there, a shortcut that changes its shape is a projection,
    as in all of MMPretrain's ResNets and in the code of later distillation papers; this
    adds 2,752 parameters to the networks of 16, 32 and 64 channels.

    Args:
        depth (int): Number of layers: 6n+2 (20, 26, 32, 44, 56, 80, 110, ...) or, with
            bottlenecks, 9n+2 (20, 29, 56, 110, ...).
        block (str): ``'basic'`` or ``'bottleneck'``. Defaults to ``'basic'``.
        stem_channels (int): Channels after the first convolution. Defaults to 16.
        base_channels (int): Channels of the first stage, or of the 3x3 convolutions of
            its bottlenecks, which return 4 times as many. Each later stage has twice
            the channels of the one before. Defaults to 16.
        out_indices (Sequence[int]): Stages returned, from 0 to 2. Defaults to ``(2,)``:
            the last, of shape (B, 64, H / 4, W / 4), or (B, 256, H / 4, W / 4) with
            bottlenecks.
        cheap_groups (int, optional): The "cheap ResNet" of `Moonshine
            <https://arxiv.org/abs/1711.02613>`_: each 3x3 convolution of a block has so
            many groups, and is followed by batch norm, ReLU and a 1x1 convolution, see
            :class:`~dynkd.models.backbones.cheap_blocks.CheapConv`. Defaults to None:
            ordinary convolutions.
        **kwargs: As in MMPretrain's ``ResNet_CIFAR``.

    Raises:
        ValueError: If there is no such block, no such network of this depth, or the
            groups do not divide its channels.

    Example:
        >>> import torch
        >>> from dynkd.models.backbones import ResNet6nPlus2
        >>> (feature,) = ResNet6nPlus2(depth=20)(torch.rand(1, 3, 32, 32))
        >>> feature.shape
        torch.Size([1, 64, 8, 8])
    """

    def __init__(
        self,
        depth: Count,
        block: str = 'basic',
        stem_channels: Count = 16,
        base_channels: Count = 16,
        out_indices: Sequence[int] = (2,),
        cheap_groups: Optional[int] = None,
        **kwargs: Any,
    ) -> None:
        if block not in BLOCKS:
            raise ValueError(
                f'ResNet6nPlus2: block must be one of {tuple(BLOCKS)}, got {block!r}'
            )
        kind, layers = BLOCKS[block]
        blocks, rest = divmod(depth - 2, layers)
        if blocks < 1 or rest:
            nearest = layers * max(1, round((depth - 2) / layers)) + 2
            raise ValueError(
                f'ResNet6nPlus2: with {block} blocks the depth must be {layers}n+2, '
                f'got {depth}; the nearest is {nearest}'
            )
        self.cheap_groups = cheap_groups
        if cheap_groups is not None:
            kind = CHEAP[kind]
        self.arch_settings = {depth: (kind, (blocks,) * 3)}
        super().__init__(
            depth,
            stem_channels=stem_channels,
            base_channels=base_channels,
            num_stages=3,
            strides=(1, 2, 2),
            dilations=(1, 1, 1),
            out_indices=out_indices,
            **kwargs,
        )

    def make_res_layer(self, **kwargs: Any) -> nn.Module:
        """Build a stage.

        Args:
            **kwargs: As in MMPretrain's ``ResLayer``.

        Returns:
            nn.Module: The stage.
        """
        if self.cheap_groups is not None:
            kwargs['groups'] = self.cheap_groups
        return super().make_res_layer(**kwargs)
