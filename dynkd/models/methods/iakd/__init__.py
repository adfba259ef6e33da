# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Interaction: blocks of a student that a teacher's take the place of."""

from .draws import build_probability, draw_paths
from .interaction import Interaction
from .pair_checks import check_pairs
from .pairs import Pair, check_level, find_pairs, read_pairs
from .swapping import swapped_in
from .teacher_stats import save_teacher_stats
from .units import Unit, find_units

__all__ = [
    'Interaction',
    'Pair',
    'Unit',
    'build_probability',
    'check_level',
    'check_pairs',
    'draw_paths',
    'find_pairs',
    'find_units',
    'read_pairs',
    'save_teacher_stats',
    'swapped_in',
]
