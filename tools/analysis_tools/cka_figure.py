# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Heat maps of CKA: of ranked batches, and of pairs of taps."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Optional

import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from dynkd.visualization import save_figure


def ranked(values: torch.Tensor) -> torch.Tensor:
    """Values from the highest to the lowest, row by row in a square.

    Args:
        values (Tensor): (N,).

    Returns:
        Tensor: (rows, columns); what is left of the last row is NaN.
    """
    columns = math.ceil(math.sqrt(len(values)))
    rows = math.ceil(len(values) / columns)
    grid = values.new_full((rows * columns,), math.nan)
    grid[: len(values)] = values.sort(descending=True).values
    return grid.view(rows, columns)


def draw(
    found: dict[str, torch.Tensor],
    taps: dict[str, Sequence[str]],
    ends: Optional[Sequence[float]],
    out: Path,
) -> None:
    """Draw a panel for each student, with one scale of colours.

    Args:
        found (dict[str, Tensor]): For each student, a value for each batch (N,), or for
            each pair of taps (taps of the student, of the teacher).
        taps (dict[str, sequence of str]): Names of the taps of ``teacher`` and
            ``student``.
        ends (sequence of float, optional): The values at the ends of the colours;
            None: the least and the greatest.
        out (Path): The file to write.
    """
    if ends is None:
        every = torch.cat([values.flatten() for values in found.values()])
        ends = (every.min().item(), every.max().item())
    figure = Figure(figsize=(4.2 * len(found) + 0.8, 4.4), layout='constrained')
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, len(found), squeeze=False)[0]
    for axis, (label, values) in zip(axes, found.items()):
        grid = ranked(values) if values.ndim == 1 else values
        # Its lightness rises evenly: legible in print and to the colour-blind.
        image = axis.imshow(grid, cmap='viridis', vmin=ends[0], vmax=ends[1])
        if values.ndim == 1:
            spread = f'{values.min():.3f} to {values.max():.3f}'
            axis.set_title(f'{label}: mean {values.mean():.3f} ({spread})')
            label_ranks(axis, grid.shape, len(values))
        else:
            axis.set_title(label)
            label_taps(axis, values, taps, ends)
    bar = figure.colorbar(image, ax=axes, shrink=0.8)
    bar.set_label('CKA of student and teacher')
    save_figure(figure, out)


def label_ranks(axis: Any, shape: Sequence[int], count: int) -> None:
    """Label a panel of ranked batches.

    Args:
        axis (Axes): The panel.
        shape (sequence of int): Its rows and columns.
        count (int): How many batches there are.
    """
    rows, columns = shape
    shown = range(0, rows, max(1, math.ceil(rows / 5)))
    axis.set_yticks(shown, [str(row * columns + 1) for row in shown])
    axis.set_xticks([])
    axis.set_ylabel('rank of the first batch of a row')
    axis.set_xlabel(f'{count} batches, the most similar first')


def label_taps(
    axis: Any,
    values: torch.Tensor,
    taps: dict[str, Sequence[str]],
    ends: Sequence[float],
) -> None:
    """Label a panel of pairs of taps, and write their values if they fit.

    Args:
        axis (Axes): The panel.
        values (Tensor): (taps of the student, taps of the teacher).
        taps (dict[str, sequence of str]): Their names.
        ends (sequence of float): The values at the ends of the colours.
    """
    axis.set_xticks(range(len(taps['teacher'])), taps['teacher'], rotation=30)
    axis.set_yticks(range(len(taps['student'])), taps['student'])
    for tick in axis.get_xticklabels():
        tick.set(ha='right', rotation_mode='anchor')
    axis.set_xlabel('teacher')
    axis.set_ylabel('student')
    if max(values.shape) > 8:
        return
    for row, line in enumerate(values.tolist()):
        for column, value in enumerate(line):
            color = 'black' if value > sum(ends) / 2 else 'white'
            axis.text(
                column, row, f'{value:.2f}', ha='center', va='center', color=color
            )
