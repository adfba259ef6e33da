# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Validation and test of every stream."""

from .fusion import Fusion
from .stream_loops import StreamTestLoop, StreamValLoop

__all__ = ['Fusion', 'StreamTestLoop', 'StreamValLoop']
