# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Distillation by the correlation of features, whatever their scale."""

from typing import Any, Optional

from torch import Tensor

from dynkd.registry import MODELS
from dynkd.utils.kinds import Weight

from .base import TransferLoss, rows_of_channels
from .correlation import pearson_distance


@MODELS.register_module()
class PKDLoss(TransferLoss):
    r"""One minus Pearson's correlation of features, of `PKD: General Distillation
    Framework for Object Detectors via Pearson Correlation Coefficient
    <https://arxiv.org/abs/2207.02039>`_ (NeurIPS 2022).

    .. math::
        L = \frac{1}{C} \sum_{c=1}^{C} \frac{1}{2m} \sum_{i=1}^{m}
            \left(\hat t_{c,i} - \hat s_{c,i}\right)^2
          = \frac{1}{C} \sum_{c=1}^{C} \left(1 - r(t_c, s_c)\right)

    where each channel of the target t and of the source s is standardised over its m
    values, those of all positions of all images of the batch. The variance is that of
    these values; the released code has the unbiased one, so that its loss is smaller by
    the factor (m - 1) / m.

    Args:
        channel_dim (int, optional): Dimension of the channels. Defaults to None: 1, but
            the last for 3-D features (tokens, (B, L, C)).
        loss_weight (float): Factor of the loss. Defaults to 1.0.

    Raises:
        ValueError: In the forward pass, if the shapes differ.
    """

    def __init__(
        self, channel_dim: Optional[int] = None, loss_weight: Weight = 1.0
    ) -> None:
        super().__init__(loss_weight)
        self.channel_dim = channel_dim

    def level_loss(self, target: Tensor, source: Tensor, **extra: Any) -> Tensor:
        """The distance of one level.

        Args:
            target (Tensor): What learns, shape (B, C), (B, L, C), (B, C, H, W) or
                (B, C, T, H, W).
            source (Tensor): What is learned from, the same shape.
            **extra: Not used.

        Returns:
            Tensor: A scalar.
        """
        self.require_same_shape(target, source, self.channel_dim)
        own, other = (rows_of_channels(x, self.channel_dim) for x in (target, source))
        return pearson_distance(own, other, (0, 2))
