# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Hooks: checks of the data, exact resuming, learning-rate drops, stores, export."""

from .data_check_hook import DataCheckHook
from .exact_resume_hook import ExactResumeHook
from .export_hook import ExportHook
from .learning_rate_hook import LearningRateHook
from .store_hook import StoreHook

__all__ = [
    'DataCheckHook',
    'ExactResumeHook',
    'ExportHook',
    'LearningRateHook',
    'StoreHook',
]
