# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Leaving automatic mixed precision."""

from contextlib import AbstractContextManager, nullcontext

import torch


def without_autocast(device_type: str) -> AbstractContextManager:
    """A context in which operations keep the precision of what they receive.

    Args:
        device_type (str): Where they run: ``'cpu'``, ``'cuda'``.

    Returns:
        context manager: The context, which does nothing where autocast is off.
    """
    try:
        # Leaving takes as long as some ten operations on small tensors.
        on = torch.is_autocast_enabled(device_type)
    except TypeError:
        on = True  # Before torch 2.4, it does not tell for each type of device.
    return torch.autocast(device_type, enabled=False) if on else nullcontext()
