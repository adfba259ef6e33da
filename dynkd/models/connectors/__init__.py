# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Connectors: modules between a tap and a loss."""

from .channel_aligner import ChannelAligner

__all__ = ['ChannelAligner']
