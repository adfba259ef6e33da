# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Learning from the same classifier's past predictions for the same samples."""

from collections.abc import Sequence
from typing import Any, Optional, Union

import torch
import torch.nn.functional as F
from torch import Tensor

from dynkd.models.labels import class_probabilities
from dynkd.models.schedules import BoundedSchedule, Progress
from dynkd.models.transfers.losses import TransferLoss
from dynkd.models.transfers.losses.base import Levels, is_empty
from dynkd.registry import MODELS
from dynkd.utils.kinds import Weight

#: How far stored probabilities may be from a sum of 1.
_SLACK = 0.1


@MODELS.register_module()
class HistoricalLoss(TransferLoss):
    r"""Divergence of predictions from labels mixed with past predictions, Eqs. 5 and 6
    of `Dual teachers for self-knowledge distillation`.

    .. math::
        L_{his} &= \sum_{b=0}^{B-1} \lambda_b \cdot
            \mathrm{KL}\big(p'_{b,t}(x) \parallel p_{b,t}(x)\big) \\
        p'_{b,t}(x) &= \beta_t \cdot y + (1 - \beta_t) \cdot p_{b,(t-1)}(x)

    where :math:`p_{b,t}` are the probabilities of the transfer's target, which learns,
    at temperature 1, :math:`p_{b,(t-1)}` those of its source, a store, and :math:`y` is
    the label: of one class, or the ``gt_score`` that a batch augmentation made. A level
    is one classifier, in the paper the backbone's and those of its branches. The
    divergence is averaged over the batch (ours; the paper prints sums over samples).
    It contains the entropy of :math:`p'`, which has no gradient, so that the loss is 0
    where the prediction equals its target.

    Args:
        beta (float or dict): :math:`\beta_t`, the share of the label, in [0, 1]: a
            number, or the config of a schedule. Eq. 7 is
            ``dict(type='CosineSchedule', start=beta_max, stop=beta_min, begin=-1)``.
        level_weights (sequence of float, optional): :math:`\lambda_b`, one per level;
            the paper's are 3 for the backbone and 1 for each branch. Defaults to None:
            1 for each.
        loss_weight (float): Factor of the loss. Defaults to 1.0.

    Raises:
        ValueError: If ``beta`` or an end of its schedule lies outside [0, 1] or a
            weight is negative; in the forward pass, if the schedule leaves [0, 1], the
            levels are not as many as the weights, shapes differ, or a source holds no
            probabilities.
    """

    def __init__(
        self,
        beta: Union[float, dict[str, Any]],
        level_weights: Optional[Sequence[Weight]] = None,
        loss_weight: Weight = 1.0,
    ) -> None:
        super().__init__(loss_weight)
        self.beta = BoundedSchedule(beta, 'HistoricalLoss: beta')
        self.level_weights = None if level_weights is None else list(level_weights)
        self._seen = False

    def forward(  # type: ignore[override]  # transfers read which extras it names
        self,
        target: Levels,
        source: Levels,
        data_samples: Optional[Sequence] = None,
        progress: Optional[Progress] = None,
    ) -> Tensor:
        """The weighted divergence, summed over the levels.

        Args:
            target (Tensor | Sequence[Tensor]): Logits of what learns, of shape (B, K),
                or one tensor per level.
            source (Tensor | Sequence[Tensor]): Past probabilities of shape (B, K),
                likewise.
            data_samples (list): The batch's data samples, with ``gt_label`` or
                ``gt_score``.
            progress (Progress, optional): How far the training is. Defaults to None:
                as far as the runner at work.

        Returns:
            Tensor: A scalar.

        Raises:
            ValueError: If the sides or the weights differ in their number of levels,
                shapes differ, a source holds no probabilities, a data sample has no
                label, or the schedule of ``beta`` leaves [0, 1].
        """
        targets = self._levels(target, 'target')
        sources = self._levels(source, 'source')
        weights = self._weights(len(targets), len(sources))
        extra: dict[str, Any] = dict(
            labels=class_probabilities(
                data_samples, targets[0].size(-1), targets[0].device
            ),
            beta=self.beta(progress or Progress.current()),
        )
        losses = [
            weight * super(HistoricalLoss, self).forward(*pair, **extra)
            for weight, *pair in zip(weights, targets, sources)
        ]
        self._seen = self._seen or not is_empty(targets[0])
        return torch.stack(losses).sum()

    def level_loss(  # type: ignore[override]  # its own `forward` hands them over
        self, target: Tensor, source: Tensor, labels: Tensor, beta: float, **extra: Any
    ) -> Tensor:
        """The divergence of one classifier, Eqs. 5 and 6 without their weight.

        Args:
            target (Tensor): Logits of what learns, of shape (B, K).
            source (Tensor): Past probabilities of shape (B, K).
            labels (Tensor): Probabilities of the label, of shape (B, K).
            beta (float): The share of the label.
            **extra: Not used.

        Returns:
            Tensor: A scalar.

        Raises:
            ValueError: If shapes differ or, the first time, the source holds no
                probabilities.
        """
        self._check(target, source, labels)
        mixed = beta * labels.to(target.dtype) + (1 - beta) * source
        log_p = F.log_softmax(target, dim=1)
        return (torch.xlogy(mixed, mixed) - mixed * log_p).sum() / target.size(0)

    def _weights(self, targets: int, sources: int) -> list[float]:
        """One weight per level, if the numbers of levels allow it."""
        if targets != sources:
            raise ValueError(
                f'HistoricalLoss: the target has {targets} level(s) and the source '
                f'{sources}; each classifier learns from its own past'
            )
        if self.level_weights is None:
            return [1.0] * targets
        if len(self.level_weights) != targets:
            raise ValueError(
                f'HistoricalLoss: {len(self.level_weights)} level_weights for '
                f'{targets} level(s); give one for each, or leave level_weights out'
            )
        return self.level_weights

    def _check(self, target: Tensor, source: Tensor, labels: Tensor) -> None:
        shapes = [tuple(side.shape) for side in (target, source, labels)]
        if target.dim() != 2 or len(set(shapes)) > 1:
            raise ValueError(
                f'HistoricalLoss: the target has shape {shapes[0]}, the source '
                f'{shapes[1]} and the labels {shapes[2]}; all must be (B, K)'
            )
        # Only once, for it makes the processor wait for the accelerator.
        if self._seen:
            return
        off = (source.sum(dim=1) - 1).abs().max().item()
        if source.min().item() < 0 or not off < _SLACK:
            raise ValueError(
                'HistoricalLoss: the source holds no probabilities: its values are '
                f'between {source.min().item():.3g} and {source.max().item():.3g}, the '
                f'sums over the classes up to {off:.3g} away from 1. Its source is a '
                "store, for example 'history.student.head'"
            )
