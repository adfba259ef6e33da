# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What is to be forgotten when a phase of the training begins."""

import sys
from collections.abc import Sequence

import torch
from mmengine.logging import MessageHub

from .losses import logged_name


def forget_losses(transfers: Sequence[str]) -> None:
    """Remove the losses of the previous phase, and the measurements of its transfers,
    from MMEngine's log.

    Otherwise it would repeat the last value of each to the end of the training.

    Args:
        transfers (sequence of str): Names of the transfers of the previous phase.
    """
    scalars = MessageHub.get_current_instance().log_scalars
    plain = filter(None, (logged_name(name, '') for name in transfers))
    measured = tuple(f'train/{start}' for start in plain)
    for key in [key for key in scalars if key.startswith('train/')]:
        if 'loss' in key or key.startswith(measured):
            del scalars[key]


def forget_compiled() -> None:
    """Let torch compile again, where it compiles steps.

    It does not look whether a module that it has compiled has other forward hooks, and
    would yield the taps of the previous phase.
    """
    if 'torch._dynamo' in sys.modules:
        torch.compiler.reset()
