# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Review: earlier stages of the teacher teach later ones of the student."""

from collections.abc import Sequence
from typing import Any, Optional

import torch
import torch.nn.functional as F
from mmcv.cnn import ConvModule
from mmengine.model import BaseModule
from torch import Tensor, nn

from dynkd.models.transfers.losses import TransferLoss
from dynkd.registry import MODELS
from dynkd.utils.kinds import Count

#: Sides of the pooled maps, from fine to coarse, as in the released code.
_SIDES = (4, 2, 1)


@MODELS.register_module()
class HCLLoss(TransferLoss):
    r"""The hierarchical context loss of `Distilling Knowledge via Knowledge Review
    <https://arxiv.org/abs/2104.09044>`_ (ReviewKD, CVPR 2021).

    .. math::
        L = \frac{\sum_{l=0}^{n} 2^{-l}\, \mathrm{MSE}(P_l(t), P_l(s))}
            {\sum_{l=0}^{n} 2^{-l}}

    where :math:`P_0` is the feature itself, and the others pool it to maps of 4x4, 2x2
    and 1x1, as far as those are lower than the feature, as in the authors' code, whose
    features are square.

    Args:
        loss_weight (float): Factor of the loss. Defaults to 1.0.

    Raises:
        ValueError: In the forward pass, if the shapes differ, or are not maps.
    """

    #: See :func:`~dynkd.models.transfers.token_maps.takes_maps`.
    takes_maps = True

    def level_loss(self, target: Tensor, source: Tensor, **extra: Any) -> Tensor:
        """The loss of one stage.

        Args:
            target (Tensor): What learns, shape (B, C, H, W).
            source (Tensor): What is learned from, the same shape.
            **extra: Not used.

        Returns:
            Tensor: A scalar.
        """
        self.require_same_shape(target, source)
        if target.dim() != 4:
            raise ValueError(
                f'HCLLoss: the features have shape {tuple(target.shape)}; they must be '
                'maps, (B, C, H, W)'
            )
        weight = total = 1.0
        loss = F.mse_loss(target, source)
        for side in _SIDES:
            if side >= target.size(2):
                continue
            weight /= 2
            own, other = (F.adaptive_avg_pool2d(x, side) for x in (target, source))
            loss = loss + weight * F.mse_loss(own, other)
            total += weight
        return loss / total


class AttentionFusion(BaseModule):
    """Attention-based fusion (ABF) of a stage with what the deeper ones pass on, in
    ReviewKD.

    Args:
        in_channels (int): Channels of the stage.
        mid_channels (int): Channels of what is passed on.
        out_channels (int): Channels of what is compared with the teacher's stage.
        fuse (bool): Whether there is a deeper stage.
    """

    def __init__(
        self, in_channels: int, mid_channels: int, out_channels: int, fuse: bool
    ) -> None:
        super().__init__()
        norm: dict[str, Any] = dict(norm_cfg=dict(type='BN'), act_cfg=None)
        self.inner = ConvModule(in_channels, mid_channels, 1, **norm)
        self.outer = ConvModule(mid_channels, out_channels, 3, padding=1, **norm)
        self.attention = nn.Conv2d(2 * mid_channels, 2, 1) if fuse else None

    def forward(self, stage: Tensor, deeper: Optional[Tensor]) -> tuple[Tensor, Tensor]:
        """Fuse.

        Args:
            stage (Tensor): The stage's map, shape (B, C, H, W).
            deeper (Tensor, optional): What the next deeper stage passes on; None at the
                deepest.

        Returns:
            tuple[Tensor, Tensor]: What is compared, and what is passed on.
        """
        own = self.inner(stage)
        if self.attention is not None and deeper is not None:
            deeper = F.interpolate(deeper, own.shape[2:], mode='nearest')
            weights = torch.sigmoid(self.attention(torch.cat([own, deeper], 1)))
            own = own * weights[:, :1] + deeper * weights[:, 1:]
        return self.outer(own), own


@MODELS.register_module()
class ReviewFusion(BaseModule):
    """The residual learning framework of `Distilling Knowledge via Knowledge Review
    <https://arxiv.org/abs/2104.09044>`_ (ReviewKD): each stage of the student,
    fused with all deeper ones, is compared with the teacher's stage of the same depth.

    It is the ``target_connector`` of a transfer whose targets are the student's stages,
    from shallow to deep, with a :class:`HCLLoss`.

    Args:
        in_channels (list[int]): Channels of the student's stages, from shallow to deep.
        out_channels (list[int]): Channels of the teacher's stages.
        mid_channels (int): Channels of what the stages pass on. Defaults to 256.

    Raises:
        ValueError: If the lists differ in their length; in the forward pass, if there
            are not as many stages.
    """

    def __init__(
        self,
        in_channels: list[Count],
        out_channels: list[Count],
        mid_channels: Count = 256,
    ) -> None:
        super().__init__()
        if len(in_channels) != len(out_channels) or not in_channels:
            raise ValueError(
                f'ReviewFusion: in_channels={list(in_channels)} and out_channels='
                f'{list(out_channels)} must have an item for each stage'
            )
        last = len(in_channels) - 1
        self.blocks = nn.ModuleList(
            AttentionFusion(own, mid_channels, other, fuse=index < last)
            for index, (own, other) in enumerate(zip(in_channels, out_channels))
        )

    def forward(self, stages: Sequence[Tensor]) -> list[Tensor]:
        """Fuse the stages, from deep to shallow.

        Args:
            stages (Sequence[Tensor]): The student's maps, from shallow to deep.

        Returns:
            list[Tensor]: A map for each stage of the teacher, from shallow to deep.
        """
        stages = [stages] if isinstance(stages, Tensor) else stages
        if len(stages) != len(self.blocks):
            raise ValueError(
                f'ReviewFusion: got {len(stages)} stage(s), but is for '
                f'{len(self.blocks)}'
            )
        found: list[Tensor] = []
        passed: Optional[Tensor] = None
        for stage, block in zip(reversed(list(stages)), reversed(list(self.blocks))):
            compared, passed = block(stage, passed)
            found.insert(0, compared)
        return found
