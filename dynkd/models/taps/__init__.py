# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Taps: where a tensor is taken from a stream."""

from .find_module import find_module
from .positives import PositivesTap
from .probe import Call, Shape, evaluating, probe
from .tap import Recorder, Tap, TapError, collect, record

__all__ = [
    'Call',
    'PositivesTap',
    'Recorder',
    'Shape',
    'Tap',
    'TapError',
    'collect',
    'evaluating',
    'find_module',
    'probe',
    'record',
]
