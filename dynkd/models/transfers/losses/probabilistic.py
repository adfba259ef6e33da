# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Distillation of the probabilities with which samples are neighbours."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from dynkd.registry import MODELS

from .base import TransferLoss

#: What keeps a similarity of opposite features from being 0.
_EPS = 1e-7


@MODELS.register_module()
class PKTLoss(TransferLoss):
    r"""Divergence of the samples' neighbourhoods, of `Learning Deep
    Representations with Probabilistic Knowledge Transfer
    <https://arxiv.org/abs/1803.10837>`_ (PKT, ECCV 2018).

    .. math::
        L = \frac{1}{B} \sum_{i=1}^{B} \sum_{j \ne i} p^s_{j|i}
            \log \frac{p^s_{j|i}}{p^t_{j|i}},
        \qquad
        p_{j|i} = \frac{K(x_i, x_j)}{\sum_{k \ne i} K(x_i, x_k)},
        \qquad
        K(x, y) = \frac{1}{2} \left(\frac{x^\top y}{\lVert x \rVert_2
            \lVert y \rVert_2} + 1\right)

    where x are the flattened features of the target t or of the source s. Only the
    batch size must be the same on both sides.

    The paper sums over the samples; the mean (ours) does not grow with the batch. The
    released code also counts each sample as its own neighbour, and divides by
    :math:`B^2`; CRD's comparison gives that a weight of 30,000.

    Args:
        loss_weight (float): Factor of the loss. Defaults to 1.0.

    Raises:
        ValueError: In the forward pass, if the batch sizes differ.
    """

    def level_loss(self, target: Tensor, source: Tensor, **extra: Any) -> Tensor:
        """The divergence of one level.

        Args:
            target (Tensor): What learns, shape (B, …).
            source (Tensor): What is learned from, of the same batch size.
            **extra: Not used.

        Returns:
            Tensor: A scalar; 0 for a batch of one sample, which has no neighbours.
        """
        self.require_same_batch(target, source)
        if len(target) == 1:
            return self.zero(target, source)
        own, other = map(_neighbourhoods, (target, source))
        return (other * (other.log() - own.log())).sum() / len(target)


def _neighbourhoods(feature: Tensor) -> Tensor:
    """How probable each sample's neighbours are, of shape (B, B - 1)."""
    rows = F.normalize(feature.flatten(1), dim=1)
    kernel = ((rows @ rows.t()).clamp(-1, 1) + 1) / 2 + _EPS
    count = len(kernel)
    # Column j of row i is sample j, or j + 1 from i on: all but i.
    columns = torch.arange(count - 1, device=kernel.device).expand(count, -1)
    own = torch.arange(count, device=kernel.device)[:, None]
    others = kernel.gather(1, columns + (columns >= own))
    return others / others.sum(1, keepdim=True)
