# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""DKD."""

from .emd import EMDLoss
from .mmd import MMDLoss
from .points import PointCloudLoss

__all__ = [
    'EMDLoss',
    'MMDLoss',
    'PointCloudLoss',
]
