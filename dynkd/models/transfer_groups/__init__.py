# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Transfers that are generated from one short config."""

from .base import TransferGroup, expand_groups
from .dual_teacher import DualTeacherTransfers
from .evolutionary import EvolutionaryTransfers

__all__ = [
    'DualTeacherTransfers',
    'EvolutionaryTransfers',
    'TransferGroup',
    'expand_groups',
]
