# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Kullback-Leibler divergence between class predictions."""

from collections.abc import Sequence
from typing import Any, Optional

import torch
import torch.nn.functional as F
from torch import Tensor

from dynkd.registry import MODELS
from dynkd.utils.kinds import Count, Temperature, Weight

from .base import Levels, TransferLoss
from .hints import resizing_hint

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
        self,
        target: Levels,
        source: Levels,
        positives: Optional[Tensor] = None,
        classes: Sequence[int] = (),
    ) -> Tensor:
        """The weighted divergence, summed over the levels.

        Args:
            target (Tensor | Sequence[Tensor]): Logits of what learns: a tensor, or one
                per level.
            source (Tensor | Sequence[Tensor]): Logits of the reference, likewise.
            positives (Tensor, optional): A scalar, the number of predictions of all
                levels that have an object, which the reduction ``'positives'`` needs.
            classes (sequence of int): How many class scores a prediction of the target
                may have. Defaults to (): it is not known, and not checked.

        Returns:
            Tensor: A scalar.

        Raises:
            TypeError: If positives are needed and not given.
            ValueError: If levels or shapes do not fit, ``class_dim`` is not that of the
                classes, or these cannot be divided.
        """
        if self.needs_positives and positives is None:
            raise TypeError(
                "KLDLoss: reduction='positives' needs the number of positives: it is "
                'for a transfer whose target is the head of a dense detector'
            )
        return super().forward(target, source, positives=positives, classes=classes)

    def level_loss(
        self,
        target: Tensor,
        source: Tensor,
        positives: Optional[Tensor] = None,
        classes: Sequence[int] = (),
        **extra: Any,
    ) -> Tensor:
        """The divergence of one level.

        Args:
            target (Tensor): Logits of what learns, for example of shape (B, M) or
                (B, num_anchors * M, H, W).
            source (Tensor): Logits of the reference, of the same shape.
            positives (Tensor, optional): The number of positives of all levels.
            classes (sequence of int): How many class scores a prediction may have.
                Defaults to (): it is not known.
            **extra: Not used.

        Returns:
            Tensor: A scalar.

        Raises:
            ValueError: If the shapes differ or the classes cannot be divided.
        """
        self._check(target, source, classes)
        dim = self.class_dim % target.dim()
        divisor = self._divisor(target, dim)
        if self.num_anchors != 1:
            split = (self.num_anchors, -1)
            target, source = target.unflatten(dim, split), source.unflatten(dim, split)
            dim += 1
        if self.temperature != 1:
            target, source = target / self.temperature, source / self.temperature
        if self.activation == 'softmax':
            loss = self._softmax_divergence(target, source, dim).sum()
        else:
            loss = self._sigmoid_divergence(target, source).sum()
        scale = self.temperature**2
        if positives is not None and self.needs_positives:
            return loss * scale / positives.clamp(min=1)
        return loss * (scale / max(divisor, 1))

    def _divisor(self, logits: Tensor, dim: int) -> int:
        """What the sum is divided by, if not by the number of positives.

        Args:
            logits (Tensor): Logits of either side.
            dim (int): The dimension of their classes, counted from the front.
        """
        if self.reduction == 'mean':
            return logits.numel() // (logits.size(dim) // self.num_anchors)
        if self.reduction == 'batchmean':
            return logits.size(0 if dim else 1)
        return 1

    @staticmethod
    def _softmax_divergence(target: Tensor, source: Tensor, dim: int) -> Tensor:
        log_t, log_s = F.log_softmax(target, dim), F.log_softmax(source, dim)
        return log_s.exp() * (log_s - log_t)

    @staticmethod
    def _sigmoid_divergence(target: Tensor, source: Tensor) -> Tensor:
        present = torch.sigmoid(source) * (F.logsigmoid(source) - F.logsigmoid(target))
        absent = torch.sigmoid(-source) * (
            F.logsigmoid(-source) - F.logsigmoid(-target)
        )
        return present + absent

    def _check(self, target: Tensor, source: Tensor, classes: Sequence[int]) -> None:
        """Reject logits that cannot be compared."""
        shape, dim = target.shape, self.class_dim
        fits = shape == source.shape and -len(shape) <= dim < len(shape)
        fits = fits and shape[dim] > 0 and shape[dim] % self.num_anchors == 0
        if not fits or (classes and not self._fits(shape[dim], classes)):
            raise ValueError(self._misfit(target, source, classes))
        if self.activation == 'softmax' and shape[dim] == self.num_anchors:
            raise ValueError(
                f'KLDLoss: the logits have shape {tuple(shape)}, one class for each '
                'prediction, of which a softmax is 1 whatever they are; set '
                "activation='sigmoid'"
            )

    def _misfit(self, target: Tensor, source: Tensor, classes: Sequence[int]) -> str:
        """Say why logits cannot be compared."""
        shapes = (
            f'KLDLoss: the target has shape {tuple(target.shape)} and the source '
            f'{tuple(source.shape)}'
        )
        if not -target.dim() <= self.class_dim < target.dim():
            return f'{shapes}, without a dimension {self.class_dim}'
        own = target.size(self.class_dim)
        if target.dim() == source.dim() and own != source.size(self.class_dim):
            other = source.size(self.class_dim)
            return (
                f'{shapes}: {self._unequal(own, other, classes)} (dimension '
                f'{self.class_dim}); both sides must predict the same classes, '
                'or the transfer name those in common (`classes`)'
            )
        if target.shape != source.shape:
            return (
                f'{shapes}: the predictions must correspond one to one; choose taps of '
                f'the same resolution and batch size{resizing_hint(target, source)}'
            )
        if own == 0 or own % self.num_anchors:
            return (
                f'{shapes}: {own} channels cannot be divided among num_anchors='
                f'{self.num_anchors}'
            )
        return f'{shapes}: {self._no_classes(target, classes)}'

    @staticmethod
    def _unequal(own: int, other: int, classes: Sequence[int]) -> str:
        """Say what two numbers of channels are."""
        for count in classes:
            if own % count == 0 and other % count == 0 and own != count:
                anchors = f'{own // count} and {other // count}'
                return (
                    f'{own} and {other} channels, which are {anchors} anchors of '
                    f'{count} classes each'
                )
        return f'they classify into {own} and {other} classes'

    def _fits(self, channels: int, classes: Sequence[int]) -> bool:
        """Whether a dimension is that of the classes."""
        if self.activation == 'sigmoid':
            # Each score stands for itself, whatever shares the dimension.
            return any(channels % count == 0 for count in classes)
        return any(channels == count * self.num_anchors for count in classes)

    def _no_classes(self, target: Tensor, classes: Sequence[int]) -> str:
        """Say that a dimension is not that of the classes, and which would be."""
        dim, sizes = self.class_dim % target.dim(), list(target.shape)
        found = (
            f'dimension {dim} has {sizes[dim]} entries, but the head that learns '
            f'predicts {" or ".join(map(str, classes))} classes'
        )
        remedies = [
            f'set class_dim={d - target.dim()}'
            for d, size in reversed(list(enumerate(sizes)))
            if d not in (0, dim) and size in classes
        ][:1]
        anchors = [sizes[dim] // count for count in classes if sizes[dim] % count == 0]
        if anchors:
            remedies.append(
                f'set num_anchors={anchors[0]} if its anchors share the dimension '
                '(levels with other numbers of anchors need transfers of their own)'
            )
        remedy = ', or '.join(remedies)
        remedy = remedy or 'choose a tap of its class scores, and their dimension'
        return f'{found}; {remedy}'
