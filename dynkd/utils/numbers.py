# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Numbers of weights that must be finite."""

from collections.abc import Mapping
from typing import Any, Optional

import torch


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
