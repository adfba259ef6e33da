# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Taps: where a tensor is taken from a stream."""

from .find_module import find_module
from .patches import PatchGrid, PatchTap, as_map, find_patch_embed, lay_out, patch_grid
from .positives import PositivesTap
from .probe import Call, Shape, evaluating, probe
from .tap import Recorder, Tap, TapError, collect, record

__all__ = [
    'Call',
    'PatchGrid',
    'PatchTap',
    'PositivesTap',
    'Recorder',
    'Shape',
    'Tap',
    'TapError',
    'as_map',
    'collect',
    'evaluating',
    'find_module',
    'find_patch_embed',
    'lay_out',
    'patch_grid',
    'probe',
    'record',
]
