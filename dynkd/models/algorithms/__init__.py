# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Distillation and its vocabulary: streams, taps, transfers, phases."""

from .distillation import Distillation
from .interactive import InteractiveDistillation
from .phase import Phase
from .stream import Stream
from .tap import Tap, TapError
from .transfer import Transfer

__all__ = [
    'Distillation',
    'InteractiveDistillation',
    'Phase',
    'Stream',
    'Tap',
    'TapError',
    'Transfer',
]
