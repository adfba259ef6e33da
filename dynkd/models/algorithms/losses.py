# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The losses of a step: what they add up to, and what they are called."""

from typing import Optional

import torch

Losses = dict[str, torch.Tensor]


@torch.no_grad()
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
    if not parts:
        return None
    # In half precision the sum could overflow.
    return torch.stack([part.mean().float() for part in parts]).sum()


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
