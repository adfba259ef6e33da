# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The losses of a step: what they add up to, and what they are called."""

from collections import OrderedDict
from collections.abc import Sequence
from functools import reduce
from operator import add
from typing import Any, Optional

import torch
from mmengine.utils import is_list_of

Losses = dict[str, torch.Tensor]


def task_loss(losses: Losses) -> Optional[torch.Tensor]:
    """What a stream's own losses add up to, as in MMEngine's ``parse_losses``.

    Args:
        losses (dict[str, Tensor]): The losses by name. A loss may be a list, of levels
            for example.

    Returns:
        Tensor, optional: Their sum, a scalar without a gradient; None without any.
    """
    own = [value for key, value in losses.items() if 'loss' in key]
    parts = [p for v in own for p in ([v] if isinstance(v, torch.Tensor) else v)]
    # In half precision the sum could overflow.
    means = [_mean(part.detach()).float() for part in parts]
    if len(means) > 1:
        return torch.stack(means).sum()
    return means[0] if means else None


def total_loss(losses: Losses) -> tuple[torch.Tensor, Losses]:
    """What all losses add up to, and what is logged, as MMEngine's ``parse_losses``
    has it.

    A mean of one number is an operation, forward and backward, that does nothing, and
    so is its sum with zero: they are left out.

    Args:
        losses (dict[str, Tensor]): The losses by name, and what is logged beside them.

    Returns:
        tuple[Tensor, dict]: The sum of those with the word ``loss`` in their name; and
        the scalars by name, that sum under ``loss`` first.

    Raises:
        TypeError: If one is neither a tensor nor a list of them.
    """
    scalars = {}
    for name, value in losses.items():
        if isinstance(value, torch.Tensor):
            scalars[name] = _mean(value)
        elif is_list_of(value, torch.Tensor):
            scalars[name] = _sum([_mean(part) for part in value])
        else:
            raise TypeError(f'`{name}` is neither a tensor nor a list of tensors.')
    total = _sum([value for name, value in scalars.items() if 'loss' in name])
    logged: Losses = OrderedDict(loss=total)
    logged.update(scalars)
    return total, logged


def _mean(value: torch.Tensor) -> torch.Tensor:
    """The mean of a tensor, which may be a scalar already."""
    return value.mean() if value.dim() else value


def _sum(values: Sequence[torch.Tensor]) -> Any:
    """The sum of scalars, in their order; without any, zero."""
    return reduce(add, values) if values else 0


def logged_name(transfer: str, key: str) -> str:
    """The name under which a transfer's measurement is logged: ``dpk/ratio``.

    Args:
        transfer (str): Name of the transfer. The word ``loss`` is left out, so that the
            measurement is not added to the total.
        key (str): What was measured.

    Returns:
        str: The name.
    """
    words = [word for word in transfer.split('_') if 'loss' not in word]
    return '/'.join([*filter(None, ['_'.join(words)]), key])
