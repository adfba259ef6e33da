# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Numbers in the models of other libraries with which nothing can be learned."""

from typing import Any

import torch
from torch import nn

from dynkd.utils import check_field
from dynkd.utils.kinds import Weight


def check_numbers(model: nn.Module, stream: str) -> None:
    """Check the weights of a model's losses, and what its inputs are normalised by.

    Args:
        model (nn.Module): The model of a stream.
        stream (str): The stream's name.

    Raises:
        ValueError: If a weight is negative, or a number is not finite, or a standard
            deviation is not positive.
    """
    for name, module in model.named_modules():
        weight = getattr(module, 'loss_weight', None)
        if isinstance(weight, (int, float)):
            place = '.'.join(filter(None, ['streams', stream, 'model', name]))
            check_field(weight, Weight, f'{place}.loss_weight')
    preprocessor: Any = getattr(model, 'data_preprocessor', None)
    for key in ('mean', 'std'):
        values = getattr(preprocessor, key, None)
        if not isinstance(values, torch.Tensor):
            continue
        shown = values.flatten().tolist()
        place = f'`streams.{stream}.model.data_preprocessor.{key}`'
        if not values.isfinite().all():
            raise ValueError(f'{place} must be finite, got {shown}.')
        if key == 'std' and not (values > 0).all():
            raise ValueError(f'{place} must be positive, got {shown}.')
