# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Hooks: checks, checkpoints, exact resuming, learning-rate drops, measurements,
stores, export."""

from .checkpoint_hook import CheckpointHook
from .exact_resume_hook import ExactResumeHook
from .export_hook import ExportHook
from .finite_hook import FiniteHook
from .gradient_cosine_hook import GradientCosineHook
from .learning_rate_hook import LearningRateHook
from .progress_hook import ProgressHook
from .result_hook import ResultHook
from .run_check_hook import RunCheckHook
from .step_cost_hook import StepCostHook
from .step_cost_report_hook import StepCostReportHook
from .store_hook import StoreHook
from .stream_hook import StreamHook

__all__ = [
    'CheckpointHook',
    'ExactResumeHook',
    'ExportHook',
    'FiniteHook',
    'GradientCosineHook',
    'LearningRateHook',
    'ProgressHook',
    'ResultHook',
    'RunCheckHook',
    'StepCostHook',
    'StepCostReportHook',
    'StoreHook',
    'StreamHook',
]
