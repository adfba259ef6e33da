# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Helpers that serve the five nouns."""

from .checkpoint import check_streams_in, load_stream_checkpoint
from .dataset_identity import (
    base_dataset,
    check_sample_idx,
    dataset_fingerprint,
    first_data_sample,
)
from .export import export_stream, plain_types, stream_config, stream_weights
from .find_module import find_module
from .random_state import RandomState, seed_everything
from .run_log import RunLog
from .training_data import TrainingData
from .unwrap import unwrap

__all__ = [
    'RandomState',
    'RunLog',
    'TrainingData',
    'base_dataset',
    'check_sample_idx',
    'check_streams_in',
    'dataset_fingerprint',
    'export_stream',
    'find_module',
    'first_data_sample',
    'load_stream_checkpoint',
    'plain_types',
    'seed_everything',
    'stream_config',
    'stream_weights',
    'unwrap',
]
