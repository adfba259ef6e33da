# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Distillation of how similar the samples of a batch are to one another."""

from typing import Any

import torch.nn.functional as F
from torch import Tensor

from dynkd.registry import MODELS

from .base import TransferLoss


@MODELS.register_module()
class SPLoss(TransferLoss):
    r"""Difference of similarity matrices, of `Similarity-Preserving
    Knowledge Distillation <https://arxiv.org/abs/1907.09682>`_ (SP, ICCV 2019).

    .. math::
        L = \frac{1}{B^2} \left\lVert G^t - G^s \right\rVert_F^2,
        \qquad
        G_{i,:} = \frac{\tilde G_{i,:}}{\lVert \tilde G_{i,:} \rVert_2},
        \quad \tilde G = Q Q^\top

    where the B rows of Q are the flattened features of the images, of the target t or
    of the source s. Only the batch size must be the same on both sides.

    Args:
        loss_weight (float): Factor of the loss; the authors have 3000 on CIFAR-10.
            Defaults to 1.0.

    Raises:
        ValueError: In the forward pass, if the batch sizes differ.
    """

    def level_loss(self, target: Tensor, source: Tensor, **extra: Any) -> Tensor:
        """The difference of one level.

        Args:
            target (Tensor): What learns, shape (B, …).
            source (Tensor): What is learned from, of the same batch size.
            **extra: Not used.

        Returns:
            Tensor: A scalar.
        """
        self.require_same_batch(target, source)
        return F.mse_loss(_similarities(target), _similarities(source))


def _similarities(feature: Tensor) -> Tensor:
    """The similarities of the samples with one another, of shape (B, B)."""
    rows = feature.flatten(1)
    return F.normalize(rows @ rows.t(), dim=1)
