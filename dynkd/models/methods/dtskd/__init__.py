# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""DTSKD."""

from .dual_teacher import DualTeacherTransfers
from .historical import HistoricalLoss
from .mixed_fusion import MixedFusionModule

__all__ = [
    'DualTeacherTransfers',
    'HistoricalLoss',
    'MixedFusionModule',
]
