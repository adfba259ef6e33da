# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The base of all losses of transfers: levels, precision, weight."""

from abc import ABCMeta, abstractmethod
from collections.abc import Sequence
from typing import Any, Optional, Union

import torch
from torch import Tensor, nn

from dynkd.utils import checked, without_autocast
from dynkd.utils.kinds import Weight

from .hints import connector_hint, rank_hint, resizing_hint

#: What a tap yields: a tensor, or one tensor per level.
Levels = Union[Tensor, Sequence[Tensor]]


@checked
class TransferLoss(nn.Module, metaclass=ABCMeta):
    """A loss between the outputs of two taps.

    It sums :meth:`level_loss` over the levels and multiplies by ``loss_weight``. It
    leaves autocast and computes in float32 (float64 stays float64), because distances
    and divergences lose too many digits in half precision. It detaches nothing: which
    side learns is the transfer's decision. Of an empty batch (a detector without
    proposals, say) every loss is a zero that stays on the graph.

    Args:
        loss_weight (float): Factor of the loss. Defaults to 1.0.

    Raises:
        TypeError: If ``loss_weight`` is not a number.
        ValueError: If it is negative, infinite or not a number.
    """

    def __init__(self, loss_weight: Weight = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    @abstractmethod
    def level_loss(self, target: Tensor, source: Tensor, **extra: Any) -> Tensor:
        """The loss of one level.

        Args:
            target (Tensor): What learns, in float32 or float64.
            source (Tensor): What is learned from, in the same precision.
            **extra: Further arguments of :meth:`forward`.

        Returns:
            Tensor: A scalar.
        """

    def forward(self, target: Levels, source: Levels, **extra: Any) -> Tensor:
        """The weighted loss, summed over the levels.

        Args:
            target (Tensor | Sequence[Tensor]): What learns: a tensor, or one per level.
            source (Tensor | Sequence[Tensor]): What is learned from, likewise.
            **extra: Passed on to :meth:`level_loss`. A subclass that needs the data
                samples of the batch names ``data_samples`` in its own ``forward``.

        Returns:
            Tensor: A scalar.

        Raises:
            ValueError: If the sides differ in their number of levels, or a level is
                not a floating-point tensor.
        """
        targets, sources = (
            self._levels(target, 'target'),
            self._levels(source, 'source'),
        )
        if len(targets) != len(sources):
            raise ValueError(
                f'{type(self).__name__}: the target has {len(targets)} level(s) and '
                f'the source {len(sources)}; choose taps with the same number of '
                "levels, for example one level of each, as in 'neck[0]'"
            )
        with without_autocast(targets[0].device.type):
            losses = [
                self._loss_of_level(*self._same_precision(*pair), **extra)
                for pair in zip(targets, sources)
            ]
            loss = losses[0] if len(losses) == 1 else torch.stack(losses).sum()
            return loss if self.loss_weight == 1 else self.loss_weight * loss

    def _loss_of_level(self, target: Tensor, source: Tensor, **extra: Any) -> Tensor:
        """The loss of one level, which may have no samples."""
        if is_empty(target) and is_empty(source):
            return self.zero(target, source)
        return self.level_loss(target, source, **extra)

    def zero(self, *sides: Tensor) -> Tensor:
        """The loss where there is nothing to compare.

        Args:
            *sides (Tensor): What would have been compared.

        Returns:
            Tensor: A zero that stays on the graph and cannot become NaN: both sides,
            and the parameters of the loss, get a gradient of 0, for which several
            processes would wait.
        """
        parts = [part.flatten()[:0].sum() for part in (*sides, *self.parameters())]
        return torch.stack([part.to(parts[0]) for part in parts]).sum()

    def _levels(self, value: Levels, side: str) -> list[Tensor]:
        levels = _flat(value)
        if not levels:
            raise ValueError(f'{type(self).__name__}: the {side} has no levels')
        for level in levels:
            if not isinstance(level, Tensor) or not level.is_floating_point():
                found = level.dtype if isinstance(level, Tensor) else type(level)
                raise ValueError(
                    f'{type(self).__name__}: the {side} must be a floating-point '
                    f'tensor or a list of them, got {found}'
                )
        return levels

    @staticmethod
    def _same_precision(target: Tensor, source: Tensor) -> list[Tensor]:
        if target.dtype == source.dtype == torch.float32:
            return [target, source]
        wide = torch.float64 in (target.dtype, source.dtype)
        dtype = torch.float64 if wide else torch.float32
        return [target.to(dtype), source.to(dtype)]

    def require_same_shape(
        self, target: Tensor, source: Tensor, channel_dim: Optional[int] = None
    ) -> None:
        """Reject two sides of different shapes, and say what would help.

        Args:
            target (Tensor): What learns.
            source (Tensor): What is learned from.
            channel_dim (int, optional): Dimension of the channels. Defaults to
                :func:`channel_dim_of` the target.

        Raises:
            ValueError: If the shapes differ.
        """
        if target.shape == source.shape:
            return
        dim = channel_dim_of(target, channel_dim)
        remedy = rank_hint(target, source)
        if not remedy and target.size(dim) != source.size(dim):
            remedy = connector_hint(target, target.size(dim), source.size(dim))
        elif not remedy:
            remedy = 'choose taps of the same resolution and batch size'
            remedy += resizing_hint(target, source)
        raise ValueError(
            f'{type(self).__name__}: the target has shape {tuple(target.shape)} and '
            f'the source {tuple(source.shape)}; {remedy}'
        )

    def require_same_batch(self, target: Tensor, source: Tensor) -> None:
        """Reject two sides of different numbers of samples.

        Args:
            target (Tensor): What learns.
            source (Tensor): What is learned from.

        Raises:
            ValueError: If the numbers differ.
        """
        if len(target) != len(source):
            raise ValueError(
                f'{type(self).__name__}: the target has shape {tuple(target.shape)} '
                f'and the source {tuple(source.shape)}; choose taps of the same batch '
                'size'
            )

    def require_positions(self, rows: Tensor) -> None:
        """Reject features of a single position, where positions are compared.

        Args:
            rows (Tensor): What :func:`rows_of_channels` returned.

        Raises:
            ValueError: If there is one position: what is normalised over the positions
                would be the same of every feature.
        """
        if rows.size(2) == 1:
            raise ValueError(
                f'{type(self).__name__}: it compares the positions of maps, and the '
                'features have only one; choose taps before the pooling'
            )


def is_empty(feature: Tensor) -> bool:
    """Whether a feature is that of an empty batch.

    Args:
        feature (Tensor): A feature with the batch in dimension 0.

    Returns:
        bool: Whether it has no samples.
    """
    return feature.dim() > 0 and feature.size(0) == 0


def channel_dim_of(feature: Tensor, channel_dim: Optional[int] = None) -> int:
    """Which dimension of a feature holds the channels.

    Args:
        feature (Tensor): A feature with the batch in dimension 0.
        channel_dim (int, optional): The dimension, if it is known. Defaults to None:
            the last of a 3-D feature (tokens, shape (B, L, C)), otherwise 1 (shapes
            (B, C), (B, C, H, W), (B, C, T, H, W)).

    Returns:
        int: The dimension, counted from the front.

    Raises:
        ValueError: If the feature has no such dimension, or it is the batch's.
    """
    if channel_dim is None:
        channel_dim = 2 if feature.dim() == 3 else 1
    found = channel_dim + feature.dim() if channel_dim < 0 else channel_dim
    if not 0 < found < feature.dim():
        raise ValueError(
            f'a feature of shape {tuple(feature.shape)} has no channels in dimension '
            f'{channel_dim}; dimension 0 is the batch, one of the others the channels'
        )
    return found


def rows_of_channels(feature: Tensor, channel_dim: Optional[int] = None) -> Tensor:
    """A feature with a row for each channel.

    Args:
        feature (Tensor): A feature with the batch in dimension 0.
        channel_dim (int, optional): Dimension of the channels. Defaults to
            :func:`channel_dim_of` the feature.

    Returns:
        Tensor: The same values, shape (B, C, positions); vectors have one position.
    """
    rows = feature.movedim(channel_dim_of(feature, channel_dim), 1)
    return rows.unsqueeze(2).flatten(2)


def one_for_each(blocks: nn.ModuleList, levels: int, owner: str) -> list[nn.Module]:
    """The learned blocks of a loss, one for each level.

    Args:
        blocks (nn.ModuleList): Its blocks: one, which all levels share, or one for each
            level.
        levels (int): Number of levels.
        owner (str): Name of the loss, for the message.

    Returns:
        list[nn.Module]: A block for each level.

    Raises:
        ValueError: If there are several blocks, and not as many as levels.
    """
    found = list(blocks)
    if len(found) == 1:
        return found * levels
    if len(found) != levels:
        raise ValueError(
            f'{owner}: there are {levels} level(s), but num_levels={len(found)}; leave '
            'num_levels out to share one block'
        )
    return found


def _flat(value: Any) -> list[Any]:
    """The levels of one tap, or of several taps that have levels each."""
    if not isinstance(value, (list, tuple)):
        return [value]
    return [level for item in value for level in _flat(item)]
