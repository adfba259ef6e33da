# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Numbers that must make sense: those of a config, and those of weights."""

import math
from collections.abc import Mapping
from typing import Any, Optional

import torch


def check_weights(weights: Mapping[str, Any], owner: str = '') -> None:
    """Reject weights that are negative or not finite: a loss would be maximised.

    Args:
        weights (dict[str, float or dict]): Numbers by the names of the arguments that
            they are; configs of schedules are left to the schedules.
        owner (str): Who has them, for messages: ``'FGDLoss'``. Defaults to ``''``.

    Raises:
        TypeError: If a weight is not a number.
        ValueError: If a number is negative, infinite or not a number.
    """
    start = f'{owner}: ' if owner else ''
    for name, weight in weights.items():
        if isinstance(weight, Mapping):
            continue
        if isinstance(weight, bool) or not isinstance(weight, (int, float)):
            raise TypeError(f'{start}`{name}` must be a number, got {weight!r}.')
        if not math.isfinite(weight):
            raise ValueError(f'{start}`{name}` must be finite, got {weight}.')
        if weight < 0:
            raise ValueError(f'{start}`{name}` must not be negative, got {weight}.')


def not_finite(weights: Mapping[str, Any]) -> Optional[str]:
    """Find a tensor that has a number in it that is not finite.

    Args:
        weights (dict[str, Tensor]): Tensors by name, and other values.

    Returns:
        str, optional: The name of the first of them; None if there is none.
    """
    found = {
        name: value.detach().isfinite().all()
        for name, value in weights.items()
        if isinstance(value, torch.Tensor) and value.is_floating_point()
    }
    if not found:
        return None
    # Read at once, since an accelerator is waited for.
    device = next(iter(found.values())).device
    finite = torch.stack([value.to(device) for value in found.values()]).tolist()
    return next((name for name, good in zip(found, finite) if not good), None)
