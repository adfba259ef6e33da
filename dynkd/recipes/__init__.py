# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Recipes: the distillation that follows from a student, a teacher and a method."""

from .compose import Composed, compose
from .distill import distill, write
from .methods import METHODS, WITHOUT_TEACHER
from .report import table

__all__ = [
    'Composed',
    'METHODS',
    'WITHOUT_TEACHER',
    'compose',
    'distill',
    'table',
    'write',
]
