# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Helpers that serve the five nouns."""

from .autocast import without_autocast
from .configs import classic, is_python_file, named_types, without_scope
from .errors import NonFiniteError, named
from .fields import at, check_field, checked, suggestion
from .numbers import not_finite
from .plain_types import plain_types
from .random_state import RandomState, seed_everything
from .run_log import RunLog
from .training_data import TrainingData, first_data_sample
from .unwrap import unwrap

__all__ = [
    'NonFiniteError',
    'RandomState',
    'RunLog',
    'TrainingData',
    'at',
    'check_field',
    'checked',
    'classic',
    'first_data_sample',
    'is_python_file',
    'named',
    'named_types',
    'not_finite',
    'plain_types',
    'seed_everything',
    'suggestion',
    'unwrap',
    'without_autocast',
    'without_scope',
]
