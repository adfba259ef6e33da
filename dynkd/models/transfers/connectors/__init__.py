# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Connectors that several methods use: modules between a tap and a loss."""

from .channel_aligner import ChannelAligner
from .ensemble import Ensemble
from .resolution_aligner import ResolutionAligner
from .tokens_to_map import TokensToMap

__all__ = [
    'ChannelAligner',
    'Ensemble',
    'ResolutionAligner',
    'TokensToMap',
]
