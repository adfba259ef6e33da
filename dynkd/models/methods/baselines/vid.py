# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Distillation of the mutual information of two features."""

import math
from typing import Any, Optional

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dynkd.models.transfers.losses import TransferLoss
from dynkd.models.transfers.losses.base import Levels, one_for_each, rows_of_channels
from dynkd.registry import MODELS
from dynkd.utils.kinds import Count, Positive, Weight

#: What keeps a variance above zero, as in the released code.
_EPS = 1e-5


class _Regressor(nn.Module):
    """The mean and the variance of the source, given the target.

    Args:
        target_channels (int): Channels of the target.
        source_channels (int): Channels of the source, and of the layers between.
        variance (float): The variance at the beginning.
    """

    def __init__(
        self, target_channels: int, source_channels: int, variance: float
    ) -> None:
        super().__init__()
        self.mean = nn.Sequential(
            nn.Conv1d(target_channels, source_channels, 1, bias=False),
            nn.ReLU(),
            nn.Conv1d(source_channels, source_channels, 1, bias=False),
            nn.ReLU(),
            nn.Conv1d(source_channels, source_channels, 1, bias=False),
        )
        # The inverse of softplus, log(exp(v) - 1), which does not overflow.
        above = variance - _EPS
        start = above + math.log(-math.expm1(-above))
        self.scale = nn.Parameter(torch.full((source_channels, 1), start))

    @property
    def variance(self) -> Tensor:
        """Tensor: The variance of each channel of the source, of shape (C, 1)."""
        return F.softplus(self.scale) + _EPS


@MODELS.register_module()
class VIDLoss(TransferLoss):
    r"""How improbable the source is, given the target: the loss of `Variational
    Information Distillation for Knowledge Transfer
    <https://arxiv.org/abs/1904.05835>`_ (VID, CVPR 2019).

    .. math::
        L = \frac{1}{BCN} \sum_{b,c,i} \frac{1}{2} \left(\log \sigma_c^2
            + \frac{(s_{b,c,i} - \mu_{b,c,i}(t))^2}{\sigma_c^2}\right),
        \qquad \sigma_c^2 = \log(1 + e^{\alpha_c}) + \epsilon

    where s is the source of B images, C channels and N positions, :math:`\mu` three
    learned 1x1 convolutions of the target t, and :math:`\alpha_c` is learned. The mean
    over all values is the released code's. As the logarithm of a density, the loss may
    be negative.

    The sides must have the same batch and resolution; no connector is needed.

    Args:
        target_channels (int): Channels of the target.
        source_channels (int): Channels of the source.
        num_levels (int, optional): Levels with regressors of their own. Defaults to
            None: all levels share one.
        variance (float): The variances at the beginning. Defaults to 5.0, the authors'.
        loss_weight (float): Factor of the loss. Defaults to 1.0.

    Raises:
        ValueError: In the forward pass, if batch, resolution, channels or the number of
            levels do not fit.
    """

    def __init__(
        self,
        target_channels: Count,
        source_channels: Count,
        num_levels: Optional[Count] = None,
        variance: Positive = 5.0,
        loss_weight: Weight = 1.0,
    ) -> None:
        super().__init__(loss_weight)
        if variance <= _EPS:
            raise ValueError(
                f'VIDLoss: variance must be greater than {_EPS:g}, got {variance}'
            )
        self.channels = (target_channels, source_channels)
        self.blocks = nn.ModuleList(
            _Regressor(target_channels, source_channels, variance)
            for _ in range(num_levels or 1)
        )

    def forward(self, target: Levels, source: Levels, **extra: Any) -> Tensor:
        """The weighted loss, summed over the levels.

        Args:
            target (Tensor | Sequence[Tensor]): What learns, shape (B, C, …), or one per
                level.
            source (Tensor | Sequence[Tensor]): What is learned from, likewise.
            **extra: Not used.

        Returns:
            Tensor: A scalar.
        """
        targets = self._levels(target, 'target')
        blocks = one_for_each(self.blocks, len(targets), 'VIDLoss')
        return super().forward(targets, source, blocks=iter(blocks))

    def level_loss(
        self, target: Tensor, source: Tensor, blocks: Any = None, **extra: Any
    ) -> Tensor:
        """The loss of one level.

        Args:
            target (Tensor): What learns, shape (B, C, …).
            source (Tensor): What is learned from, of the same batch and resolution.
            blocks (iterator): The regressors of this and the deeper levels.
            **extra: Not used.

        Returns:
            Tensor: A scalar.
        """
        own, other = (rows_of_channels(side, 1) for side in (target, source))
        found = (own.size(1), other.size(1))
        if own.shape[::2] != other.shape[::2] or found != self.channels:
            raise ValueError(
                f'VIDLoss: the target has shape {tuple(target.shape)} and the source '
                f'{tuple(source.shape)}; they must have the same batch size and '
                f'resolution, and {self.channels[0]} and {self.channels[1]} channels'
            )
        block = next(blocks)
        variance = block.variance
        apart = (other - block.mean(own)).square() / variance
        return (variance.log() + apart).mean() / 2
