# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""How images and weights lie in memory."""

from typing import Any

import torch


def channels_last(value: Any) -> Any:
    """Put the channels of each position side by side in memory.

    Args:
        value (Any): A tensor, or a list or tuple of them.

    Returns:
        Any: The same values; those of four dimensions, images (B, C, H, W) and weights
        of convolutions, in another order of memory.
    """
    if isinstance(value, torch.Tensor):
        images = value.dim() == 4
        return value.to(memory_format=torch.channels_last) if images else value
    if isinstance(value, (list, tuple)):
        return type(value)(map(channels_last, value))
    return value
