# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Schedules: numbers as functions of training progress, and measured numbers."""

from .bounded import BoundedSchedule
from .measured import Measured, finite_row, mean_over_processes, names_measured
from .progress import Progress
from .review import ReviewSchedule
from .schedules import (
    ConstantSchedule,
    CosineSchedule,
    ExponentialSchedule,
    LinearSchedule,
    Schedule,
    StepSchedule,
)

__all__ = [
    'BoundedSchedule',
    'ConstantSchedule',
    'CosineSchedule',
    'ExponentialSchedule',
    'LinearSchedule',
    'Measured',
    'Progress',
    'ReviewSchedule',
    'Schedule',
    'StepSchedule',
    'finite_row',
    'mean_over_processes',
    'names_measured',
]
