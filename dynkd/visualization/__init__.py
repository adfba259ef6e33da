# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Figures."""

from .curves import draw_curves
from .line_style import line_style
from .save_figure import save_figure

__all__ = ['draw_curves', 'line_style', 'save_figure']
