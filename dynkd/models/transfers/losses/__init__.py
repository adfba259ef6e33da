# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Losses of transfers: each compares what two taps gave."""

from .base import TransferLoss
from .emd import EMDLoss
from .feature import FeatureLoss
from .fgd import FGDLoss
from .historical import HistoricalLoss
from .kld import KLDLoss
from .mmd import MMDLoss
from .points import PointCloudLoss
from .random_levels import RandomLevelsLoss

__all__ = [
    'EMDLoss',
    'FGDLoss',
    'FeatureLoss',
    'HistoricalLoss',
    'KLDLoss',
    'MMDLoss',
    'PointCloudLoss',
    'RandomLevelsLoss',
    'TransferLoss',
]
