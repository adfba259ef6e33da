# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Distillation of distances and angles between the samples of a batch."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from dynkd.registry import MODELS
from dynkd.utils.kinds import Weight

from .base import TransferLoss


@MODELS.register_module()
class RKDLoss(TransferLoss):
    r"""Differences of distances and angles, of `Relational Knowledge
    Distillation <https://arxiv.org/abs/1904.05068>`_ (RKD, CVPR 2019).

    .. math::
        L &= \lambda_D \frac{1}{B^2} \sum_{i,j} l_\delta(\psi_D^t, \psi_D^s)
            + \lambda_A \frac{1}{B^3} \sum_{i,j,k} l_\delta(\psi_A^t, \psi_A^s) \\
        \psi_D(x_i, x_j) &= \frac{1}{\mu} \lVert x_i - x_j \rVert_2 \\
        \psi_A(x_i, x_j, x_k) &= \cos \angle\, x_i x_j x_k

    where :math:`\mu` is the mean distance of two different samples of the batch, and
    :math:`l_\delta` is the Huber loss,
    half the squared difference, and linear where it exceeds 1. The sums run over all
    pairs and triples, also those with one sample twice, as in the released code.

    Only the batch size must be the same on both sides. Features are flattened; those
    of a pooling are best, as all differences of two samples are held in memory,
    :math:`B^2` times the size of a feature.

    Args:
        distance (float): Weight of the distances; 0 leaves them out. Defaults to 25.0,
            as in CRD's comparison.
        angle (float): Weight of the angles; 0 leaves them out. Defaults to 50.0.
        loss_weight (float): Factor of the loss. Defaults to 1.0.

    Raises:
        ValueError: If both weights are 0; in the forward pass, if the batch sizes
            differ.
    """

    def __init__(
        self,
        distance: Weight = 25.0,
        angle: Weight = 50.0,
        loss_weight: Weight = 1.0,
    ) -> None:
        super().__init__(loss_weight)
        if not distance and not angle:
            raise ValueError(
                'RKDLoss: distance and angle are both 0: there is nothing to compare'
            )
        self.distance = distance
        self.angle = angle

    def level_loss(self, target: Tensor, source: Tensor, **extra: Any) -> Tensor:
        """The differences of one level.

        Args:
            target (Tensor): What learns, shape (B, …).
            source (Tensor): What is learned from, of the same batch size.
            **extra: Not used.

        Returns:
            Tensor: A scalar.
        """
        self.require_same_batch(target, source)
        gaps = [rows[None] - rows[:, None] for rows in (target, source)]
        gaps = [gap.flatten(2) for gap in gaps]
        loss = target.new_zeros(())
        if self.distance:
            own, other = map(_distances, gaps)
            loss = loss + self.distance * F.smooth_l1_loss(own, other)
        if self.angle:
            own, other = map(_angles, gaps)
            loss = loss + self.angle * F.smooth_l1_loss(own, other)
        return loss


def _distances(gaps: Tensor) -> Tensor:
    """The distances of pairs, of shape (B, B), in units of their mean."""
    distances = torch.linalg.vector_norm(gaps, dim=2)
    mean = distances.sum() / (distances > 0).sum().clamp(min=1)
    return distances / torch.where(mean > 0, mean, 1)


def _angles(gaps: Tensor) -> Tensor:
    """The cosines of the angles at each sample, of shape (B, B, B)."""
    directions = F.normalize(gaps, dim=2)
    return directions @ directions.transpose(1, 2)
