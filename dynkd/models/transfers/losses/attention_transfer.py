# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Attention transfer: where on a map a network attends."""

from typing import Any, Optional

import torch.nn.functional as F
from torch import Tensor

from dynkd.registry import MODELS
from dynkd.utils.kinds import Positive, Weight

from .base import TransferLoss, rows_of_channels


@MODELS.register_module()
class ATLoss(TransferLoss):
    r"""Difference of attention maps, Eq. 2 of `Paying More Attention to Attention
    <https://arxiv.org/abs/1612.03928>`_ (AT, ICLR 2017).

    .. math::
        L = \frac{1}{BN} \sum_{b=1}^{B} \left\lVert
            \frac{Q^t_b}{\lVert Q^t_b \rVert_2} - \frac{Q^s_b}{\lVert Q^s_b \rVert_2}
            \right\rVert_2^2,
        \qquad Q_{b,i} = \sum_{c=1}^{C} |A_{b,c,i}|^p

    over the N positions i of a map A, of the target t and of the source s. The norm is
    squared and divided by the number of positions, as in the authors' released code;
    the equation has the norm itself. The released weight of :math:`\beta / 2` for each
    level is 500.

    The two sides may differ in their channels, but not in their resolution.

    Args:
        power (float): The power p, 1 or more: how much the peaks of a map count.
            Defaults to 2.0.
        channel_dim (int, optional): Dimension of the channels. Defaults to None: 1, but
            the last for 3-D features (tokens, (B, L, C)).
        loss_weight (float): Factor of the loss. Defaults to 1.0.

    Raises:
        ValueError: In the forward pass, if the sides differ in their batch size or
            resolution, or have a single position.
    """

    def __init__(
        self,
        power: Positive = 2.0,
        channel_dim: Optional[int] = None,
        loss_weight: Weight = 1.0,
    ) -> None:
        super().__init__(loss_weight)
        if power < 1:
            raise ValueError(f'ATLoss: power must be 1 or more, got {power}')
        self.power = power
        self.channel_dim = channel_dim

    def level_loss(self, target: Tensor, source: Tensor, **extra: Any) -> Tensor:
        """The difference of one level.

        Args:
            target (Tensor): What learns, shape (B, C, H, W), or tokens (B, L, C).
            source (Tensor): What is learned from, of the same batch and resolution.
            **extra: Not used.

        Returns:
            Tensor: A scalar.
        """
        own, other = (rows_of_channels(x, self.channel_dim) for x in (target, source))
        if own.shape[::2] != other.shape[::2]:
            raise ValueError(
                f'ATLoss: the target has shape {tuple(target.shape)} and the source '
                f'{tuple(source.shape)}; choose taps of the same resolution and batch '
                'size'
            )
        self.require_positions(own)
        return F.mse_loss(self._attention(own), self._attention(other))

    def _attention(self, rows: Tensor) -> Tensor:
        """The normalised attention of each image, of shape (B, N)."""
        return F.normalize(rows.abs().pow(self.power).mean(1), dim=1)
