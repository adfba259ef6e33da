# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Contrastive distillation, with a memory of all training samples."""

from collections.abc import Sequence
from typing import Any, Optional

import torch
import torch.nn.functional as F
from mmengine.dist import all_gather, all_reduce
from torch import Tensor, nn

from dynkd.models.labels import class_indices
from dynkd.models.stores import base_dataset, check_sample_idx
from dynkd.models.stores.history import sample_indices
from dynkd.models.transfers.losses import TransferLoss
from dynkd.models.transfers.losses.base import Levels
from dynkd.registry import MODELS
from dynkd.utils import TrainingData, drawn
from dynkd.utils.kinds import Count, Positive, Probability, Weight

#: Of the quotients, as in the released code.
_EPS = 1e-7
#: exp(1 / tau) is a number of single precision down to 0.0113.
_COLDEST = 0.012


@MODELS.register_module()
class CRDLoss(TransferLoss):
    r"""The contrastive loss of `Contrastive Representation Distillation
    <https://arxiv.org/abs/1910.10699>`_ (CRD, ICLR 2020).

    .. math::
        L = -\frac{1}{B} \sum_{i=1}^{B} \Big[ \log h(x_i, y_i)
            + \sum_{j \in N_i} \log\big(1 - h(x_i, y_j)\big) \Big],
        \qquad
        h(x, y) = \frac{e^{x^\top y / \tau} / Z}{e^{x^\top y / \tau} / Z + |N_i| / M}

    once with the target's embeddings x against the source's y, which the last steps
    left in a memory, and once the other way round. Embeddings are learned linear maps
    of the features, scaled to length 1. M is the number of training samples, and
    :math:`N_i` are random ones of other classes than sample i. Z is the mean of the
    first batch's exponentials times M, kept from then on, as in the released code.

    Its memory is no store: a store publishes the *class predictions* of an epoch at its
    end, and for the samples of the batch; here embeddings count that were written a
    step ago, by a moving average, of any sample. They are buffers of this loss, on its
    device: 2 M times ``dim`` numbers, which each checkpoint holds.

    Of several processes each has the whole memory, not a part of it. After a step they
    gather the embeddings and classes of all batches, so that the memories stay equal
    and are those of one process with the whole batch; Z is the mean of the processes'.
    Of a sample that several of them saw, the last one's embedding is kept. Each process
    draws samples of its own to compare with.

    Of the drawn samples, those of the same class are left out (the released code does
    not draw them). The class of a sample is known once it was seen.

    Args:
        target_channels (int): Width of the target, a vector of each image.
        source_channels (int): Width of the source.
        num_samples (int): M, the number of training samples.
        dim (int): Width of the embeddings. Defaults to 128.
        negatives (int): How many samples are drawn for each of the batch. Defaults to
            16384.
        temperature (float): tau, from 0.012 on. Defaults to 0.07.
        momentum (float): How much of a remembered embedding stays. Defaults to 0.5.
        loss_weight (float): Factor of the loss; the authors' is 0.8. Defaults to 1.0.

    Raises:
        ValueError: In the forward pass, if shapes or the number of data samples do not
            fit, or a sample has not exactly one class.
        IndexError: If a sample's index is not below ``num_samples``.
        KeyError: If a data sample has no ``sample_idx``.
    """

    memory_target: Tensor
    memory_source: Tensor
    norm_target: Tensor
    norm_source: Tensor
    classes: Tensor

    def __init__(
        self,
        target_channels: Count,
        source_channels: Count,
        num_samples: Count,
        dim: Count = 128,
        negatives: Count = 16384,
        temperature: Positive = 0.07,
        momentum: Probability = 0.5,
        loss_weight: Weight = 1.0,
    ) -> None:
        super().__init__(loss_weight)
        if temperature < _COLDEST:
            raise ValueError(
                f'CRDLoss: temperature must be at least {_COLDEST}, got {temperature}: '
                'below it, exp(1 / temperature) is infinite in single precision'
            )
        self.embed_target = nn.Linear(target_channels, dim)
        self.embed_source = nn.Linear(source_channels, dim)
        self.num_samples = num_samples
        self.negatives = negatives
        self.temperature = temperature
        self.momentum = momentum
        #: The directions whose Z was set, by this run or before it.
        self._normed: set[str] = set()
        reach = (3 / dim) ** 0.5
        for side in ('target', 'source'):
            memory = torch.empty(num_samples, dim).uniform_(-reach, reach)
            self.register_buffer(f'memory_{side}', memory)
            self.register_buffer(f'norm_{side}', torch.zeros(()))
        self.register_buffer('classes', torch.full((num_samples,), -1))

    def forward(  # type: ignore[override]  # transfers read which extras it names
        self,
        target: Levels,
        source: Levels,
        data_samples: Optional[Sequence[Any]] = None,
    ) -> Tensor:
        """The weighted loss.

        Args:
            target (Tensor): What learns, shape (B, ``target_channels``).
            source (Tensor): What is learned from, shape (B, ``source_channels``).
            data_samples (list): The batch's data samples, with ``sample_idx`` and
                ``gt_label``.

        Returns:
            Tensor: A scalar.
        """
        targets = self._levels(target, 'target')
        sources = self._levels(source, 'source')
        for side, levels, layer in (
            ('target', targets, self.embed_target),
            ('source', sources, self.embed_source),
        ):
            shape = tuple(levels[0].shape)
            if len(levels) > 1 or shape[1:] != (layer.in_features,):
                raise ValueError(
                    f'CRDLoss: the {side} must be one vector of {layer.in_features} '
                    f'for each image, got {len(levels)} level(s) of shape {shape}'
                )
        return super().forward(targets, sources, data_samples=data_samples)

    def data_fault(self, data: TrainingData) -> Optional[str]:
        """Why the memory does not fit; see :class:`~dynkd.engine.hooks.RunCheckHook`.

        Args:
            data (TrainingData): The training's data.

        Returns:
            str or None: What is wrong, if the data set has another size, or its samples
            no numbers of their own.
        """
        try:
            count = len(base_dataset(data.loader.dataset))
            check_sample_idx(data.loader.dataset)
        except ValueError as error:
            return f'CRDLoss: {error}'
        if count == self.num_samples:
            return None
        return (
            f'CRDLoss: num_samples={self.num_samples}, but the data set has {count} '
            'samples.'
        )

    def level_loss(
        self,
        target: Tensor,
        source: Tensor,
        data_samples: Optional[Sequence[Any]] = None,
        **extra: Any,
    ) -> Tensor:
        """The loss of a batch, which is then remembered.

        Args:
            target (Tensor): What learns, shape (B, ``target_channels``).
            source (Tensor): What is learned from, shape (B, ``source_channels``).
            data_samples (list): The batch's data samples.
            **extra: Not used.

        Returns:
            Tensor: A scalar.
        """
        self.require_same_batch(target, source)
        rows = sample_indices(data_samples)
        if len(rows) != len(target):
            raise ValueError(
                f'CRDLoss: {len(rows)} data sample(s) for {len(target)} features'
            )
        if int(rows.max()) >= self.num_samples:
            raise IndexError(
                f'CRDLoss: sample {int(rows.max())} has no row in a memory of '
                f'num_samples={self.num_samples}'
            )
        rows = rows.to(target.device)
        labels = class_indices(data_samples, _ANY_CLASS, target.device)
        own = F.normalize(self.embed_target(target), dim=1)
        other = F.normalize(self.embed_source(source), dim=1)
        others = drawn(self._draw, rows)
        counted = (self.classes[others] != labels[:, None]) & (others != rows[:, None])
        picked = torch.cat([rows[:, None], others], 1)
        loss = self._contrast(own, self.memory_source[picked], counted, 'target')
        loss = loss + self._contrast(
            other, self.memory_target[picked], counted, 'source'
        )
        if self.training:
            self._remember(rows, labels, own.detach(), other.detach())
        return loss

    def _draw(self, rows: Tensor) -> Tensor:
        """Other samples for each of the batch, shape (B, K)."""
        shape = (len(rows), self.negatives)
        return torch.randint(self.num_samples, shape, device=rows.device)

    def _contrast(
        self, anchors: Tensor, remembered: Tensor, counted: Tensor, side: str
    ) -> Tensor:
        """The loss of one direction.

        Args:
            anchors (Tensor): Embeddings, shape (B, dim).
            remembered (Tensor): Those of the other side: first of the same sample, then
                of the drawn ones, shape (B, 1 + K, dim).
            counted (Tensor): Which of the drawn ones count, shape (B, K).
            side (str): Whose embeddings the anchors are.

        Returns:
            Tensor: A scalar.
        """
        logits = (remembered.to(anchors) @ anchors[:, :, None]).squeeze(2)
        powers = (logits / self.temperature).exp()
        powers = powers / self._norm(powers, side)
        noise = counted.sum(1, keepdim=True).to(powers) / self.num_samples
        positive = powers[:, :1] / (powers[:, :1] + noise + _EPS)
        negative = noise / (powers[:, 1:] + noise + _EPS)
        # What does not count has a logarithm of 0.
        negative = torch.where(counted, negative, 1)
        return -(positive.log().sum() + negative.log().sum()) / len(anchors)

    @torch.no_grad()
    def _norm(self, powers: Tensor, side: str) -> Tensor:
        """Z of one direction, which the first training step sets."""
        norm = getattr(self, f'norm_{side}')
        first = powers.mean() * self.num_samples
        if side not in self._normed:
            all_reduce(first, 'mean')
        found = torch.where(norm > 0, norm.to(first), first)
        if self.training:
            norm.copy_(found)
            self._normed.add(side)
        return found

    @torch.no_grad()
    def _remember(self, rows: Tensor, labels: Tensor, *embeddings: Tensor) -> None:
        """Keep what all processes saw in this step."""
        rows, labels = (torch.cat(all_gather(own)) for own in (rows, labels))
        self.classes[rows] = labels
        # The last of the same samples: which of several values is written to one row
        # is left open otherwise, and might differ between the processes.
        places = torch.arange(len(rows), device=rows.device)
        last = ((rows[:, None] == rows) * places).amax(1)
        for memory, own in zip((self.memory_target, self.memory_source), embeddings):
            new = torch.cat(all_gather(own.to(memory)))[last]
            mixed = self.momentum * memory[rows] + (1 - self.momentum) * new
            memory[rows] = F.normalize(mixed, dim=1)


#: Labels are compared with one another only.
_ANY_CLASS = torch.iinfo(torch.int64).max
