# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Hooks: checks, checkpoints, exact resuming, learning-rate drops, stores, export."""

from .checkpoint_hook import CheckpointHook
from .exact_resume_hook import ExactResumeHook
from .export_hook import ExportHook
from .finite_hook import FiniteHook
from .learning_rate_hook import LearningRateHook
from .run_check_hook import RunCheckHook
from .step_cost_hook import StepCostHook
from .store_hook import StoreHook

__all__ = [
    'CheckpointHook',
    'ExactResumeHook',
    'ExportHook',
    'FiniteHook',
    'LearningRateHook',
    'RunCheckHook',
    'StepCostHook',
    'StoreHook',
]
