# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""One optimizer, gradient clipping and learning-rate schedule per stream."""

from .constructor import StreamOptimWrapperConstructor
from .stream_optim_wrapper import StreamOptimWrapper
from .unused_parameters import check_unused_parameters

__all__ = [
    'StreamOptimWrapper',
    'StreamOptimWrapperConstructor',
    'check_unused_parameters',
]
