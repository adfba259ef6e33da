# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Algorithms, branches, transfer losses, connectors and stores."""

from . import algorithms, branches, connectors, losses, stores

__all__ = ['algorithms', 'branches', 'connectors', 'losses', 'stores']
