# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Figures."""

from .curves import draw_curves

__all__ = ['draw_curves']
