# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Losses that several methods use: each compares what two taps yielded."""

from .base import TransferLoss
from .feature import FeatureLoss
from .kld import KLDLoss

__all__ = [
    'FeatureLoss',
    'KLDLoss',
    'TransferLoss',
]
