# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Kullback-Leibler divergence between class predictions."""

from typing import Any, Optional

import torch
import torch.nn.functional as F
from torch import Tensor

from dynkd.registry import MODELS
from dynkd.utils.kinds import Count, Temperature, Weight

from .base import Levels, TransferLoss

ACTIVATIONS = ('softmax', 'sigmoid')
REDUCTIONS = ('mean', 'batchmean', 'sum', 'positives')


@MODELS.register_module()
class KLDLoss(TransferLoss):
    r"""Kullback-Leibler divergence of the target's class probabilities from the
    source's, Eq. 2 of `A General Dynamic Knowledge Distillation Method for Visual
    Analytics`.

    .. math::
        \mathrm{KLD}(l_s, l_t) = \sum_{i=1}^{N} \sum_{m=1}^{M}
            l_s^m \log \frac{l_s^m}{l_t^m}

    where :math:`l_s` are the probabilities of the transfer's source, the reference
    ("soft labels"), and :math:`l_t` those of its target, which learns. The student's
    transfer therefore has the teacher as its source and computes
    KLD(teacher, student), the teacher's transfer KLD(student, teacher), as in Eq. 3.

    Both sides are logits, divided by the temperature. The loss is multiplied by the
    squared temperature, so that its gradient keeps its size when the temperature
    changes.

    Args:
        temperature (float): Divides the logits; higher is softer. Defaults to 1.0.
        class_dim (int): Dimension of the classes. Defaults to 1.
        activation (str): ``'softmax'``: one distribution over all classes.
            ``'sigmoid'``: each class is a Bernoulli variable of its own, as dense
            detectors classify, and the divergences of the classes are summed (for each
            class both terms: that it is there, and that it is not).
        reduction (str): ``'sum'``: the sum, as in Eq. 2, over samples and
            classes. ``'batchmean'``: the sum divided by the batch size. ``'mean'``: the
            sum divided by the number of predictions, which is batch size x positions x
            anchors. For image classification the last two are the same.
            ``'positives'``, for dense detectors: the sum over all predictions of all
            levels, divided as MMDetection's heads divide their classification loss
            (ours):

            .. math::
                \frac{1}{\max(N_{pos}, 1)} \sum_{l,i} \mathrm{KLD}(l_s, l_t)_{l,i}

            where :math:`N_{pos}` is the number of predictions to which the learner's
            head assigned an object, the mean over the processes. Defaults to
            ``'mean'``.
        num_anchors (int): How many predictions share the class dimension, for
            anchor-based heads: a map of shape (B, num_anchors * classes, H, W), anchor
            by anchor, as MMDetection's heads return it. Softmax then runs over each
            anchor's classes. Defaults to 1.
        loss_weight (float): Factor of the loss. Defaults to 1.0.

    Raises:
        ValueError: If an argument is out of its range; in the forward pass, if the
            shapes differ or the classes cannot be divided among the anchors.
        TypeError: In the forward pass, if the positives are unknown that it needs.
    """

    def __init__(
        self,
        temperature: Temperature = 1.0,
        class_dim: int = 1,
        activation: str = 'softmax',
        reduction: str = 'mean',
        num_anchors: Count = 1,
        loss_weight: Weight = 1.0,
    ) -> None:
        super().__init__(loss_weight)
        if activation not in ACTIVATIONS:
            raise ValueError(
                f'KLDLoss: activation must be one of {ACTIVATIONS}, got {activation!r}'
            )
        if reduction not in REDUCTIONS:
            raise ValueError(
                f'KLDLoss: reduction must be one of {REDUCTIONS}, got {reduction!r}'
            )
        self.temperature = temperature
        self.class_dim = class_dim
        self.activation = activation
        self.reduction = reduction
        self.num_anchors = num_anchors

    @property
    def needs_positives(self) -> bool:
        """bool: Whether it has to know how many predictions have an object."""
        return self.reduction == 'positives'

    def forward(  # type: ignore[override]  # transfers read which extras it names
        self, target: Levels, source: Levels, positives: Optional[Tensor] = None
    ) -> Tensor:
        """The weighted divergence, summed over the levels.

        Args:
            target (Tensor | Sequence[Tensor]): Logits of what learns: a tensor, or one
                per level.
            source (Tensor | Sequence[Tensor]): Logits of the reference, likewise.
            positives (Tensor, optional): A scalar, the number of predictions of all
                levels that have an object, which the reduction ``'positives'`` needs.

        Returns:
            Tensor: A scalar.

        Raises:
            TypeError: If positives are needed and not given.
            ValueError: If levels or shapes do not fit, or the classes cannot be
                divided.
        """
        if self.needs_positives and positives is None:
            raise TypeError(
                "KLDLoss: reduction='positives' needs the number of positives: it is "
                'for a transfer whose target is the head of a dense detector'
            )
        return super().forward(target, source, positives=positives)

    def level_loss(
        self,
        target: Tensor,
        source: Tensor,
        positives: Optional[Tensor] = None,
        **extra: Any,
    ) -> Tensor:
        """The divergence of one level.

        Args:
            target (Tensor): Logits of what learns, for example of shape (B, M) or
                (B, num_anchors * M, H, W).
            source (Tensor): Logits of the reference, of the same shape.
            positives (Tensor, optional): The number of positives of all levels.
            **extra: Not used.

        Returns:
            Tensor: A scalar.

        Raises:
            ValueError: If the shapes differ or the classes cannot be divided.
        """
        self._check(target, source)
        target, source = self._predictions(target), self._predictions(source)
        divergence = getattr(self, f'_{self.activation}_divergence')
        loss = divergence(target / self.temperature, source / self.temperature).sum()
        if positives is not None and self.needs_positives:
            return loss * self.temperature**2 / positives.clamp(min=1)
        divisor = {
            'sum': 1,
            'batchmean': target.size(0),
            'mean': target.numel() // max(target.size(-1), 1),
        }[self.reduction]
        return loss * self.temperature**2 / max(divisor, 1)

    @staticmethod
    def _softmax_divergence(target: Tensor, source: Tensor) -> Tensor:
        log_t, log_s = F.log_softmax(target, -1), F.log_softmax(source, -1)
        return log_s.exp() * (log_s - log_t)

    @staticmethod
    def _sigmoid_divergence(target: Tensor, source: Tensor) -> Tensor:
        present = torch.sigmoid(source) * (F.logsigmoid(source) - F.logsigmoid(target))
        absent = torch.sigmoid(-source) * (
            F.logsigmoid(-source) - F.logsigmoid(-target)
        )
        return present + absent

    def _predictions(self, logits: Tensor) -> Tensor:
        """Logits with the batch first and the classes of one prediction last."""
        logits = logits.movedim(self.class_dim, -1)
        return logits.unflatten(-1, (self.num_anchors, -1))

    def _check(self, target: Tensor, source: Tensor) -> None:
        shapes = (
            f'KLDLoss: the target has shape {tuple(target.shape)} and the source '
            f'{tuple(source.shape)}'
        )
        if not -target.dim() <= self.class_dim < target.dim():
            raise ValueError(f'{shapes}, without a dimension {self.class_dim}')
        classes = target.size(self.class_dim)
        if target.dim() == source.dim() and classes != source.size(self.class_dim):
            raise ValueError(
                f'{shapes}: they classify into {classes} and '
                f'{source.size(self.class_dim)} classes (dimension {self.class_dim}); '
                'both sides must predict the same classes'
            )
        if target.shape != source.shape:
            raise ValueError(
                f'{shapes}: the predictions must correspond one to one; choose taps of '
                'the same resolution and batch size'
            )
        if classes == 0 or classes % self.num_anchors:
            raise ValueError(
                f'{shapes}: {classes} channels cannot be divided among num_anchors='
                f'{self.num_anchors}'
            )
