# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Algorithms, transfer losses and connectors."""

from . import algorithms, connectors, losses

__all__ = ['algorithms', 'connectors', 'losses']
