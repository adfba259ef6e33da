# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Hooks: exact resuming, learning-rate drops, stores of past predictions, export."""

from .exact_resume_hook import ExactResumeHook
from .export_hook import ExportHook
from .learning_rate_hook import LearningRateHook
from .store_hook import StoreHook

__all__ = ['ExactResumeHook', 'ExportHook', 'LearningRateHook', 'StoreHook']
