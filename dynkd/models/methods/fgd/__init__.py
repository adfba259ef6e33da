# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""FGD."""

from .fgd import FGDLoss

__all__ = [
    'FGDLoss',
]
