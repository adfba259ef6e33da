# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Helpers that serve the five nouns.

What needs torch is imported when it is first asked for: the tools answer ``--help``
without it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .configs import (
    classic,
    is_python_file,
    named_types,
    shared_preprocessor,
    type_name,
    without_scope,
)
from .errors import NonFiniteError, named
from .fields import at, check_field, checked, suggestion
from .plain_types import plain_types
from .run_log import RunLog
from .unwrap import distillation_in, unwrap

if TYPE_CHECKING:
    from .autocast import without_autocast
    from .draws import drawn
    from .numbers import not_finite
    from .random_state import RandomState, seed_everything
    from .training_data import TrainingData, first_data_sample

__all__ = [
    'NonFiniteError',
    'RandomState',
    'RunLog',
    'TrainingData',
    'at',
    'distillation_in',
    'check_field',
    'checked',
    'classic',
    'drawn',
    'first_data_sample',
    'is_python_file',
    'named',
    'named_types',
    'not_finite',
    'plain_types',
    'seed_everything',
    'shared_preprocessor',
    'suggestion',
    'type_name',
    'unwrap',
    'without_autocast',
    'without_scope',
]

_NEED_TORCH = dict(
    RandomState='random_state',
    TrainingData='training_data',
    drawn='draws',
    first_data_sample='training_data',
    not_finite='numbers',
    seed_everything='random_state',
    without_autocast='autocast',
)


def __getattr__(name: str) -> Any:
    """Import what needs torch when it is first asked for."""
    if name not in _NEED_TORCH:
        raise AttributeError(f'module `dynkd.utils` has no attribute `{name}`')
    return getattr(import_module(f'{__name__}.{_NEED_TORCH[name]}'), name)
