# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Losses that compare features value by value."""

from typing import Any, Optional

import torch.nn.functional as F
from torch import Tensor

from dynkd.registry import MODELS
from dynkd.utils.kinds import Weight

from .base import TransferLoss, channel_dim_of

KINDS = ('mse', 'l1', 'cosine')


@MODELS.register_module()
class FeatureLoss(TransferLoss):
    """How far two features of the same shape are apart, value by value.

    With ``kind='mse'`` it is the loss of static distillation that `A General Dynamic
    Knowledge Distillation Method for Visual Analytics` compares with in Table IV.

    Args:
        kind (str): ``'mse'``: mean of the squared differences. ``'l1'``: mean of the
            absolute differences. ``'cosine'``: one minus the cosine between the
            channel vectors, mean over all positions; only directions count.
            Defaults to ``'mse'``.
        channel_dim (int, optional): Dimension of the channels, for ``'cosine'``.
            Defaults to None: 1, but the last for 3-D features (tokens, (B, L, C)).
        loss_weight (float): Factor of the loss. Defaults to 1.0.

    Raises:
        ValueError: If the kind is unknown; in the forward pass, if the shapes differ.
    """

    def __init__(
        self,
        kind: str = 'mse',
        channel_dim: Optional[int] = None,
        loss_weight: Weight = 1.0,
    ) -> None:
        super().__init__(loss_weight)
        if kind not in KINDS:
            raise ValueError(f'FeatureLoss: kind must be one of {KINDS}, got {kind!r}')
        self.kind = kind
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

        Raises:
            ValueError: If the shapes differ.
        """
        self.require_same_shape(target, source, self.channel_dim)
        if self.kind == 'mse':
            return F.mse_loss(target, source)
        if self.kind == 'l1':
            return F.l1_loss(target, source)
        dim = channel_dim_of(target, self.channel_dim)
        return 1 - F.cosine_similarity(target, source, dim=dim).mean()
