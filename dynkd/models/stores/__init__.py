# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Stores: what streams said about each training sample before."""

from .checks import MIXERS, check_batch_augments
from .codecs import FORMATS, Codec, build_codec
from .prediction_store import PredictionStore

__all__ = [
    'FORMATS',
    'MIXERS',
    'Codec',
    'PredictionStore',
    'build_codec',
    'check_batch_augments',
]
