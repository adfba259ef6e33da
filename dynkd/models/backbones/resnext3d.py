# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""ResNeXt for clips of video frames or optical flow."""

from collections.abc import Iterator, Sequence
from typing import Any, Optional, Union

import torch
import torch.utils.checkpoint as checkpoint
from mmcv.cnn import build_norm_layer
from mmengine.model import BaseModule
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from dynkd.registry import MODELS
from dynkd.utils.kinds import Count

from .resnext3d_blocks import BasicBlock3d, Bottleneck3d, build_shortcut

#: As in the 3D-ResNets repository.
_INIT = [
    dict(type='Kaiming', layer=['Conv3d'], mode='fan_out', nonlinearity='relu'),
    dict(type='Constant', val=1, layer=['_BatchNorm']),
]


@MODELS.register_module()
class ResNeXt3D(BaseModule):
    """3D ResNeXt, the backbone of DKD's action recognition (section IV-B).

    `Can Spatiotemporal 3D CNNs Retrace the History of 2D CNNs and ImageNet?
    <https://arxiv.org/abs/1711.09577>`_, with the layers' names and the widths of the
    authors' 3D-ResNets repository and of MARS, whose weights
    ``tools/model_converters/resnext3d.py`` converts. The number of channels doubles
    from stage to stage, and all stages but the first halve time, height and width, as
    the pooling of the stem does; its convolution halves height and width.

    Args:
        depth (int): 50, 101 or 152, with bottlenecks, as published; 18 or 34, with
            basic blocks (ours). Defaults to 101.
        cardinality (int): Paths of a block. Defaults to 32.
        in_channels (int): Channels of the input: 3 for RGB, 2 for flow. Defaults to 3.
        shortcut_type (str): What a block's input is mapped by where its shape changes.
            ``'A'``: subsampling, and zeros for new channels. ``'B'``: a 1x1x1
            convolution. Defaults to ``'B'``.
        base_channels (int): Channels of the stem. The first stage has 4 times as many
            with bottlenecks, and as many with basic blocks. Defaults to 64.
        width_per_group (int): Channels of a path in the first stage. Defaults to 4.
        conv1_kernel (sequence of int): Kernel of the stem in time, height and width,
            odd. Defaults to (7, 7, 7).
        out_indices (Sequence[int]): Stages returned, from 0 to 3. Defaults to ``(3,)``.
        frozen_stages (int): How many stages are not trained, in evaluation mode,
            and the stem with them; 0: the stem alone. Defaults to -1: all are trained.
        norm_cfg (dict, optional): Config of the norm layers. Defaults to
            ``dict(type='BN3d')``.
        norm_eval (bool): Whether batch norm layers keep their statistics in training.
            Defaults to False.
        with_cp (bool): Whether blocks compute their activations again in the backward
            pass, which takes less memory and more time. Defaults to False.
        init_cfg (dict or list[dict], optional): How weights begin. Defaults to
            Kaiming's by the outputs for convolutions, and 1 for norm layers.

    Raises:
        ValueError: If there is no network of this depth, no such shortcut or stage, or
            a kernel that is even.

    Example:
        >>> import torch
        >>> from dynkd.models.backbones import ResNeXt3D
        >>> model = ResNeXt3D(18, cardinality=4, in_channels=2, base_channels=8)
        >>> model(torch.rand(1, 2, 16, 64, 64)).shape
        torch.Size([1, 64, 1, 2, 2])
    """

    arch_settings: dict[int, tuple[Any, tuple[int, ...]]] = {
        18: (BasicBlock3d, (2, 2, 2, 2)),
        34: (BasicBlock3d, (3, 4, 6, 3)),
        50: (Bottleneck3d, (3, 4, 6, 3)),
        101: (Bottleneck3d, (3, 4, 23, 3)),
        152: (Bottleneck3d, (3, 8, 36, 3)),
    }

    def __init__(
        self,
        depth: Count = 101,
        cardinality: Count = 32,
        in_channels: Count = 3,
        shortcut_type: str = 'B',
        base_channels: Count = 64,
        width_per_group: Count = 4,
        conv1_kernel: Sequence[Count] = (7, 7, 7),
        out_indices: Sequence[int] = (3,),
        frozen_stages: int = -1,
        norm_cfg: Optional[dict] = None,
        norm_eval: bool = False,
        with_cp: bool = False,
        init_cfg: Any = _INIT,
    ) -> None:
        super().__init__(init_cfg)
        _check(depth, shortcut_type, conv1_kernel, out_indices, frozen_stages)
        self.out_indices = tuple(out_indices)
        self.frozen_stages = frozen_stages
        self.norm_eval = norm_eval
        self.with_cp = with_cp
        norm_cfg = norm_cfg or dict(type='BN3d')
        frames, height, width = conv1_kernel
        self.conv1 = nn.Conv3d(
            in_channels,
            base_channels,
            (frames, height, width),
            stride=(1, 2, 2),
            padding=(frames // 2, height // 2, width // 2),
            bias=False,
        )
        self.bn1 = build_norm_layer(norm_cfg, base_channels)[1]
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool3d(3, stride=2, padding=1)
        self.res_layers = ['layer1', 'layer2', 'layer3', 'layer4']
        block, numbers = self.arch_settings[depth]
        channels = base_channels
        for index, (name, number) in enumerate(zip(self.res_layers, numbers)):
            mid_channels = cardinality * width_per_group * 2**index
            out_channels = block.expansion * base_channels * 2**index
            blocks = []
            for stride in [1 if index == 0 else 2] + [1] * (number - 1):
                shortcut = build_shortcut(
                    shortcut_type, channels, out_channels, stride, norm_cfg
                )
                blocks.append(
                    block(
                        channels,
                        mid_channels,
                        out_channels,
                        cardinality,
                        stride,
                        shortcut,
                        norm_cfg,
                    )
                )
                channels = out_channels
            self.add_module(name, nn.Sequential(*blocks))
        self._freeze()

    def forward(self, x: torch.Tensor) -> Union[torch.Tensor, tuple[torch.Tensor, ...]]:
        """Run the stages.

        Args:
            x (Tensor): Clips (B, in_channels, T, H, W).

        Returns:
            Tensor or tuple[Tensor]: The feature of the one stage of ``out_indices``, or
            a tuple of those of several; the last is T / 16 long and H / 32 x W / 32
            large, rounded up.
        """
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        outs = []
        for index, name in enumerate(self.res_layers[: max(self.out_indices) + 1]):
            for block in getattr(self, name):
                if self.with_cp and torch.is_grad_enabled():
                    x = checkpoint.checkpoint(block, x, use_reentrant=False)
                else:
                    x = block(x)
            if index in self.out_indices:
                outs.append(x)
        return outs[0] if len(outs) == 1 else tuple(outs)

    def train(self, mode: bool = True) -> 'ResNeXt3D':
        """Set the mode; what is frozen stays in evaluation mode.

        Args:
            mode (bool): Whether the mode is training. Defaults to True.

        Returns:
            ResNeXt3D: The backbone.
        """
        super().train(mode)
        self._freeze()
        if mode and self.norm_eval:
            for module in self.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()
        return self

    def _freeze(self) -> None:
        """Keep the stem and the first stages as they are."""
        for module in self._frozen_modules():
            module.eval()
            module.requires_grad_(False)

    def _frozen_modules(self) -> Iterator[nn.Module]:
        if self.frozen_stages >= 0:
            yield from (self.conv1, self.bn1)
            for name in self.res_layers[: self.frozen_stages]:
                yield getattr(self, name)


def _check(
    depth: int,
    shortcut_type: str,
    conv1_kernel: Sequence[int],
    out_indices: Sequence[int],
    frozen_stages: int,
) -> None:
    """Reject arguments that describe no network."""
    depths = ResNeXt3D.arch_settings
    if depth not in depths:
        raise ValueError(
            f'ResNeXt3D: depth must be one of {", ".join(map(str, depths))}, '
            f'got {depth}'
        )
    if shortcut_type not in ('A', 'B'):
        raise ValueError(
            f"ResNeXt3D: shortcut_type must be 'A' or 'B', got {shortcut_type!r}"
        )
    if len(conv1_kernel) != 3 or not all(size % 2 for size in conv1_kernel):
        raise ValueError(
            'ResNeXt3D: conv1_kernel must be three odd sizes (time, height, width), '
            f'got {tuple(conv1_kernel)}'
        )
    if not out_indices or not set(out_indices) <= {0, 1, 2, 3}:
        raise ValueError(
            f'ResNeXt3D: out_indices must be of 0, 1, 2 and 3, got {tuple(out_indices)}'
        )
    if not -1 <= frozen_stages <= 4:
        raise ValueError(
            f'ResNeXt3D: frozen_stages must be from -1 to 4, got {frozen_stages}'
        )
