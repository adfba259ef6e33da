# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Losses of others, which may take a tensor where a tap yields several."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from .losses.base import TransferLoss


def takes_one_tensor(loss: nn.Module) -> bool:
    """Whether a loss compares two tensors, and no lists of them.

    DynKD's own take both. Of another, the annotation of its first argument tells; a
    loss of MMRazor without one takes a tensor.

    Args:
        loss (nn.Module): The loss of a transfer.

    Returns:
        bool: Whether it does.
    """
    if isinstance(loss, TransferLoss):
        return False
    first = next(iter(inspect.signature(loss.forward).parameters.values()), None)
    if first is None or first.annotation is first.empty:
        return type(loss).__module__.partition('.')[0] == 'mmrazor'
    return first.annotation is Tensor or first.annotation == 'Tensor'


def for_each_level(
    compare: Callable[[Tensor, Tensor], Tensor], target: Any, source: Any, name: str
) -> Tensor:
    """The sum of a loss over the levels of both sides.

    Args:
        compare (Callable): The loss of a tensor of either side.
        target (Tensor or sequence): What learns: a tensor, or nested lists of them.
        source (Tensor or sequence): What is learned from, likewise.
        name (str): Name of the loss, for the message.

    Returns:
        Tensor: The sum.

    Raises:
        ValueError: If the sides differ in their number of levels.
    """
    if isinstance(target, Tensor) and isinstance(source, Tensor):
        return compare(target, source)
    counts = [_count(side) for side in (target, source)]
    if counts[0] != counts[1]:
        raise ValueError(
            f'{name}: the target has {counts[0]} level(s) and the source {counts[1]}; '
            'choose taps with the same number of levels, for example one level of '
            "each, as in 'neck[0]'"
        )
    losses = [
        for_each_level(compare, one, other, name)
        for one, other in zip(_levels(target), _levels(source))
    ]
    return torch.stack(losses).sum()


def _levels(side: Any) -> Sequence[Any]:
    """The levels of a side: one, where it is a tensor."""
    return [side] if isinstance(side, Tensor) else side


def _count(side: Any) -> int:
    """The number of levels of a side."""
    return len(_levels(side))
