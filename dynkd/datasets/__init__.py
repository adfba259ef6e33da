# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Options of data sets: fewer samples, lower resolution."""

from .class_balanced_subset import ClassBalancedSubset
from .low_resolution import LowResolution

__all__ = ['ClassBalancedSubset', 'LowResolution']
