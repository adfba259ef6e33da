# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Channel-wise distillation: where on a map each channel is active."""

from typing import Any, Optional

import torch.nn.functional as F
from torch import Tensor

from dynkd.registry import MODELS
from dynkd.utils.kinds import Temperature, Weight

from .base import TransferLoss, rows_of_channels


@MODELS.register_module()
class CWDLoss(TransferLoss):
    r"""Divergence of the channels' distributions over the positions, the loss of
    `Channel-wise Knowledge Distillation for Dense Prediction
    <https://arxiv.org/abs/2011.13256>`_ (CWD, ICCV 2021).

    .. math::
        L = \frac{T^2}{BC} \sum_{b=1}^{B} \sum_{c=1}^{C} \sum_{i=1}^{N}
            \phi(y^s_{b,c,i}) \log \frac{\phi(y^s_{b,c,i})}{\phi(y^t_{b,c,i})},
        \qquad
        \phi(y_{b,c,i}) = \frac{\exp(y_{b,c,i} / T)}{\sum_j \exp(y_{b,c,j} / T)}

    where a softmax over the N positions of a map makes a distribution of each channel
    of the target t and of the source s. It is for the logits of dense heads and for
    features alike.

    Args:
        temperature (float): T; the higher, the wider the area that counts. Defaults to
            4.0, the authors'.
        channel_dim (int, optional): Dimension of the channels. Defaults to None: 1, but
            the last for 3-D features (tokens, (B, L, C)).
        loss_weight (float): Factor of the loss. Defaults to 1.0.

    Raises:
        ValueError: In the forward pass, if the shapes differ, or the maps have a single
            position.
    """

    def __init__(
        self,
        temperature: Temperature = 4.0,
        channel_dim: Optional[int] = None,
        loss_weight: Weight = 1.0,
    ) -> None:
        super().__init__(loss_weight)
        self.temperature = temperature
        self.channel_dim = channel_dim

    def level_loss(self, target: Tensor, source: Tensor, **extra: Any) -> Tensor:
        """The divergence of one level.

        Args:
            target (Tensor): What learns, shape (B, C, H, W), or tokens (B, L, C).
            source (Tensor): What is learned from, the same shape.
            **extra: Not used.

        Returns:
            Tensor: A scalar.
        """
        self.require_same_shape(target, source, self.channel_dim)
        own, other = (rows_of_channels(x, self.channel_dim) for x in (target, source))
        self.require_positions(own)
        log_t, log_s = (F.log_softmax(x / self.temperature, 2) for x in (own, other))
        divergences = (log_s.exp() * (log_s - log_t)).sum(2)
        return self.temperature**2 * divergences.mean()
