# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""EKD."""

from .evolutionary import EvolutionaryTransfers
from .guided_module import GuidedModule

__all__ = [
    'EvolutionaryTransfers',
    'GuidedModule',
]
