# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Distillation of the labelled class apart from that of the other classes."""

from collections.abc import Sequence
from typing import Any, Optional

import torch
import torch.nn.functional as F
from torch import Tensor

from dynkd.models.labels import class_indices
from dynkd.registry import MODELS
from dynkd.utils.kinds import Temperature, Weight

from .base import Levels, TransferLoss


@MODELS.register_module()
class DecoupledKDLoss(TransferLoss):
    r"""The decoupled divergence, Eq. 7 of `Decoupled Knowledge Distillation
    <https://arxiv.org/abs/2203.08679>`_ (CVPR 2022). That paper calls it DKD, which is
    another method here.

    .. math::
        L = T^2 \left( \alpha\, \mathrm{KL}(b^s \parallel b^t)
            + \beta\, \mathrm{KL}(\hat p^s \parallel \hat p^t) \right)

    where :math:`b = (p_y, 1 - p_y)` are the probabilities of the labelled class y and
    of all others (TCKD), and :math:`\hat p` are those of the other classes among
    themselves (NCKD), at the temperature T, of the target t and of the source s; the
    mean over the batch. With :math:`\alpha = 1` and :math:`\beta = 1 - p^s_y` it would
    be the ordinary divergence.

    Args:
        alpha (float): Weight of the labelled class. Defaults to 1.0.
        beta (float): Weight of the other classes. Defaults to 8.0, the authors' for
            most pairs on CIFAR-100; they have 0.5 for ImageNet.
        temperature (float): T. Defaults to 4.0; the authors have 1 for ImageNet.
        loss_weight (float): Factor of the loss; the authors raise it from 0 in the
            first 20 epochs on CIFAR-100: ``dict(type='LinearSchedule', start=0.0,
            stop=1.0, end=20)``. Defaults to 1.0.

    Raises:
        ValueError: If both weights are 0; in the forward pass, if the shapes differ, or
            a sample has not exactly one class.
    """

    def __init__(
        self,
        alpha: Weight = 1.0,
        beta: Weight = 8.0,
        temperature: Temperature = 4.0,
        loss_weight: Weight = 1.0,
    ) -> None:
        super().__init__(loss_weight)
        if not alpha and not beta:
            raise ValueError(
                'DecoupledKDLoss: alpha and beta are both 0: there is nothing to '
                'compare'
            )
        self.alpha = alpha
        self.beta = beta
        self.temperature = temperature

    def forward(  # type: ignore[override]  # transfers read which extras it names
        self,
        target: Levels,
        source: Levels,
        data_samples: Optional[Sequence[Any]] = None,
    ) -> Tensor:
        """The weighted divergence, summed over the levels.

        Args:
            target (Tensor | Sequence[Tensor]): Logits of what learns, shape (B, K), or
                one tensor per level.
            source (Tensor | Sequence[Tensor]): Logits of the reference, likewise.
            data_samples (list): The batch's data samples, each with a ``gt_label`` of
                one class.

        Returns:
            Tensor: A scalar.
        """
        return super().forward(target, source, data_samples=data_samples)

    def level_loss(
        self,
        target: Tensor,
        source: Tensor,
        data_samples: Optional[Sequence[Any]] = None,
        **extra: Any,
    ) -> Tensor:
        """The divergence of one classifier.

        Args:
            target (Tensor): Logits of what learns, shape (B, K).
            source (Tensor): Logits of the reference, shape (B, K).
            data_samples (list): The batch's data samples.
            **extra: Not used.

        Returns:
            Tensor: A scalar.
        """
        self.require_same_shape(target, source, 1)
        if target.dim() != 2 or target.size(1) < 2:
            raise ValueError(
                f'DecoupledKDLoss: the logits have shape {tuple(target.shape)}; they '
                'must be (B, K), of 2 classes or more'
            )
        labels = class_indices(data_samples, target.size(1), target.device)
        if len(labels) != len(target):
            raise ValueError(
                f'DecoupledKDLoss: {len(labels)} data sample(s) for {len(target)} '
                'predictions'
            )
        sides = [
            self._parts(side / self.temperature, labels) for side in (target, source)
        ]
        terms = [_divergence(*pair) for pair in zip(*sides)]
        loss = self.alpha * terms[0] + self.beta * terms[1]
        return self.temperature**2 * loss

    @staticmethod
    def _parts(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Logarithms of b, of shape (B, 2), and of the others' probabilities, of shape
        (B, K - 1)."""
        columns = torch.arange(logits.size(1) - 1, device=logits.device)
        columns = columns.expand(len(logits), -1)
        others = logits.gather(1, columns + (columns >= labels[:, None]))
        own = logits.gather(1, labels[:, None])
        binary = torch.cat([own, others.logsumexp(1, keepdim=True)], 1)
        return F.log_softmax(binary, 1), F.log_softmax(others, 1)


def _divergence(log_target: Tensor, log_source: Tensor) -> Tensor:
    """KL(source || target), the mean over the samples."""
    gaps = log_source.exp() * (log_source - log_target)
    return gaps.sum(1).mean()
