# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Losses that several methods use, and those that are a method: each compares what two
taps yielded."""

from .attention_transfer import ATLoss
from .base import TransferLoss
from .channel_wise import CWDLoss
from .decoupled import DecoupledKDLoss
from .dist import DISTLoss
from .feature import FeatureLoss
from .kld import KLDLoss
from .pkd import PKDLoss
from .probabilistic import PKTLoss
from .relational import RKDLoss
from .similarity import SPLoss

__all__ = [
    'ATLoss',
    'CWDLoss',
    'DISTLoss',
    'DecoupledKDLoss',
    'FeatureLoss',
    'KLDLoss',
    'PKDLoss',
    'PKTLoss',
    'RKDLoss',
    'SPLoss',
    'TransferLoss',
]
