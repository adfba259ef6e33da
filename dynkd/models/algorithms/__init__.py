# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Distillation: streams that learn together, and from each other."""

from .distillation import Distillation
from .phase import Phase

__all__ = [
    'Distillation',
    'Phase',
]
