# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Parameters without a gradient, which would hang DistributedDataParallel."""

import torch.nn as nn

from dynkd.utils import unwrap


def check_unused_parameters(model: nn.Module) -> None:
    """Reject phases or an interaction that would hang DistributedDataParallel.

    Args:
        model (nn.Module): The distillation, wrapped for several processes or not.

    Raises:
        ValueError: If it is wrapped with ``find_unused_parameters=False``, and phases
            or the interaction leave parameters without a gradient.
    """
    if getattr(model, 'find_unused_parameters', True):
        return
    for leaver, whose in unwrap(model).leaves_unused().items():
        raise ValueError(
            f'{leaver} leaves parameters {whose} unused, which would hang '
            'DistributedDataParallel. Set `find_unused_parameters = True` at the top '
            'of the config.'
        )
