# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Schedules: numbers as functions of training progress."""

from .bounded import BoundedSchedule
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
    'Progress',
    'ReviewSchedule',
    'Schedule',
    'StepSchedule',
]
