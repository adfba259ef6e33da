# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Connectors: modules between a tap and a loss."""

from .channel_aligner import ChannelAligner
from .measured_ratio import CKARatio, CosineRatio
from .prior_knowledge import PriorKnowledge
from .tokens_to_map import TokensToMap

__all__ = [
    'CKARatio',
    'ChannelAligner',
    'CosineRatio',
    'PriorKnowledge',
    'TokensToMap',
]
