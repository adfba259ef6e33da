# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Transfers that are generated from one short config."""

from .base import TransferGroup, expand_groups
from .dual_teacher import DualTeacherTransfers
from .evolutionary import EvolutionaryTransfers
from .non_interactive import NonInteractiveTransfers

__all__ = [
    'DualTeacherTransfers',
    'EvolutionaryTransfers',
    'NonInteractiveTransfers',
    'TransferGroup',
    'expand_groups',
]
