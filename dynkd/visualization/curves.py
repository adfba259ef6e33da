# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Curves of a metric over several runs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Union

from .line_style import DASHES
from .save_figure import save_figure


def draw_curves(
    panels: Mapping[str, Mapping[str, Mapping[int, float]]],
    out: Union[str, Path],
    x_label: str,
    y_label: str,
    log: bool = False,
) -> Path:
    """Draw curves side by side, one panel for each model, as a PNG.

    Args:
        panels (dict[str, dict[str, dict[int, float]]]): For the title of each panel,
            the curves by label, each a value by step.
        out (str or Path): The file to write.
        x_label (str): What a step is, with its unit.
        y_label (str): What a value is, with its unit.
        log (bool): Whether the axis of values is logarithmic. Defaults to False.

    Returns:
        Path: The file.
    """
    # Figures are drawn at the end of a run, if at all.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.2 * len(panels), 3.6), layout='constrained')
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axis, (title, curves) in zip(axes, panels.items()):
        for index, (label, curve) in enumerate(curves.items()):
            turn, color = divmod(index, len(_COLORS))
            style = dict(color=_COLORS[color], linestyle=DASHES[turn % len(DASHES)])
            axis.plot(*zip(*curve.items()), label=label, marker='.', **style)
        axis.set_title(title, fontsize='medium', wrap=True)
        axis.set_xlabel(x_label)
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.grid(color='0.9')
        axis.legend(loc='best', frameon=False)
    axes[0].set(ylabel=y_label, yscale='log' if log else 'linear')
    return save_figure(figure, out)


#: Distinct in print and to the colour-blind (Okabe and Ito).
_COLORS = ('#999999', '#0072B2', '#D55E00', '#009E73')
