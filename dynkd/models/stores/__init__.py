# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Stores: the streams' past predictions for each training sample."""

from .build import build_stores
from .codecs import FORMATS, Codec, build_codec
from .dataset_identity import base_dataset, check_sample_idx, dataset_fingerprint
from .history import History, stored
from .prediction_store import PredictionStore

__all__ = [
    'Codec',
    'FORMATS',
    'History',
    'PredictionStore',
    'base_dataset',
    'build_codec',
    'build_stores',
    'check_sample_idx',
    'dataset_fingerprint',
    'stored',
]
