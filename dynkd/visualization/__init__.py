# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Figures."""

from .curves import draw_curves
from .line_style import line_style

__all__ = ['draw_curves', 'line_style']
