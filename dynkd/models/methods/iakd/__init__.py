# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""IAKD."""

from .interaction import Interaction, build_probability, draw_paths
from .interactive import InteractiveDistillation
from .non_interactive import NonInteractiveTransfers
from .pair_checks import check_pairs
from .pairs import Pair, check_level, find_pairs, read_pairs
from .random_levels import RandomLevelsLoss
from .swapping import swapped_in
from .teacher_stats import save_teacher_stats
from .units import Unit, find_units

__all__ = [
    'Interaction',
    'InteractiveDistillation',
    'NonInteractiveTransfers',
    'Pair',
    'RandomLevelsLoss',
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
