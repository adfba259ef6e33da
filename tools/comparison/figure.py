# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The figure of a comparison: curves with bands."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path

from dynkd.visualization import line_style, save_figure

from .report import Line
from .spec import Comparison


def band(line: Line, metric: str) -> tuple[list[int], list[float], list[float]]:
    """Mean and standard deviation over the seeds, epoch by epoch.

    Args:
        line (Line): A line of the table.
        metric (str): The metric.

    Returns:
        tuple[list[int], list[float], list[float]]: The epochs that all seeds have,
        means, and deviations (0 for one seed).
    """
    curves = [result.curve(line.stream, metric) for result in line.results.values()]
    epochs = sorted(set.intersection(*(set(curve) for curve in curves)))
    values = [[curve[epoch] for curve in curves] for epoch in epochs]
    deviations = [statistics.stdev(own) if len(own) > 1 else 0.0 for own in values]
    return epochs, [statistics.fmean(own) for own in values], deviations


def draw(comparison: Comparison, lines: Sequence[Line], out: Path) -> Path:
    """Draw the first metric over the epochs, with a band of one standard deviation.

    Args:
        comparison (Comparison): The comparison.
        lines (sequence of Line): Its lines.
        out (Path): The file to write (.png).

    Returns:
        Path: The file.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    height = max(4.2, 0.22 * len(lines))  # of the legend
    figure = Figure(figsize=(7.2, height), layout='constrained')
    FigureCanvasAgg(figure)
    axis = figure.subplots()
    for index, line in enumerate(lines):
        epochs, means, deviations = band(line, comparison.metrics[0])
        label = f'{line.row} ({line.stream})' if line.stream else line.row
        look = line_style(index)
        if epochs == [0]:  # it is not trained: a level
            axis.axhline(means[0], label=label, **look)
            continue
        axis.plot(epochs, means, label=label, **look)
        low = [mean - own for mean, own in zip(means, deviations)]
        high = [mean + own for mean, own in zip(means, deviations)]
        axis.fill_between(epochs, low, high, color=look['color'], alpha=0.15, lw=0)
    axis.set(xlabel='epoch', ylabel=comparison.metrics[0])
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.grid(color='0.9')
    figure.legend(loc='outside right upper', frameon=False)
    return save_figure(figure, out)
