# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Options of data sets: fewer or smaller samples, in memory; clips with their flow."""

from .cached_transforms import CachedTransforms
from .class_balanced_subset import ClassBalancedSubset
from .compute_flow import ComputeFlow
from .load_flow import LoadFlow
from .low_resolution import LowResolution
from .pack_modalities import PackModalities
from .paired_transforms import PairedTransforms
from .read_clip import ReadClip
from .sample_all_clips import SampleAllClips
from .stream_views import StreamViews

__all__ = [
    'CachedTransforms',
    'ClassBalancedSubset',
    'ComputeFlow',
    'LoadFlow',
    'LowResolution',
    'PackModalities',
    'PairedTransforms',
    'ReadClip',
    'SampleAllClips',
    'StreamViews',
]
