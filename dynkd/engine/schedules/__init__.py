# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Numbers as functions of training progress."""

from .progress import Progress
from .schedules import (
    ConstantSchedule,
    CosineSchedule,
    ExponentialSchedule,
    LinearSchedule,
    Schedule,
    StepSchedule,
)

__all__ = [
    'ConstantSchedule',
    'CosineSchedule',
    'ExponentialSchedule',
    'LinearSchedule',
    'Progress',
    'Schedule',
    'StepSchedule',
]
