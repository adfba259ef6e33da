# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""How images and weights lie in memory."""

from typing import Any

import torch
from torch import nn


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


def order_weights(model: nn.Module) -> None:
    """Put the channels of a model's weights side by side.

    It comes after their initialisation, which draws random numbers in the order in
    which they lie in memory.

    Args:
        model (nn.Module): The model.
    """
    for parameter in model.parameters():
        parameter.data = channels_last(parameter.data)
