# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""*Interactive Knowledge Distillation for image classification*: in each training step,
blocks of a frozen teacher randomly replace blocks of the student.

===========  ===========================================================================
Source       Object
===========  ===========================================================================
Eq. 1        ``dynkd.models.algorithms.Distillation``;
             prior work: distillation by losses
Eq. 2        ``dynkd.models.methods.iakd.Pair``,
             ``dynkd.models.methods.iakd.draw_paths``
Eq. 3        ``dynkd.models.methods.iakd.draw_paths``;
             the path of the student, which is its own block
Eq. 4        ``dynkd.models.methods.iakd.swapped_in``
Eq. 5        ``dynkd.models.methods.iakd.InteractiveDistillation``;
             task loss of the model of the hybrid network
Eq. 6        ``dynkd.models.methods.iakd.NonInteractiveTransfers``,
             ``dynkd.models.methods.iakd.RandomLevelsLoss``;
             gamma is the task loss of the model
Sec. 3.2     ``dynkd.models.methods.iakd.find_pairs``;
             which blocks are pairs
Sec. 3.3     ``dynkd.models.schedules.ConstantSchedule``,
             ``dynkd.models.schedules.LinearSchedule``,
             ``dynkd.models.schedules.ReviewSchedule``;
             uniform, linear growth, review
===========  ===========================================================================
"""

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
