# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The table and the CSV of a comparison."""

from __future__ import annotations

import csv
import io
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .intervals import Difference, mean_and_deviation, paired_difference
from .results import Result
from .spec import Comparison

#: The results by row, then by seed.
Results = Mapping[str, Mapping[int, Result]]
_FIELDS = ('row', 'stream', 'seed', 'metric', 'last', 'best', 'best_epoch', 'epochs')
_COSTS = ('step_wall_s', 'step_cpu_s', 'parameters', 'minutes')


@dataclass(frozen=True)
class Line:
    """A line of the table: a stream of a row.

    Args:
        row (str): Name of the row.
        stream (str): The stream.
        results (dict[int, Result]): What came out, by seed.
        planned (int): How many seeds there are to be.
        difference (Difference, optional): To the row that it is compared with, of the
            first metric at the last epoch. Defaults to None.
        control (str): The row that it is compared with. Defaults to none.
    """

    row: str
    stream: str
    results: Mapping[int, Result]
    planned: int
    difference: Difference | None = None
    control: str = ''


def lines_of(
    comparison: Comparison, streams: Mapping[str, Sequence[str]], results: Results
) -> list[Line]:
    """The lines of the table.

    Args:
        comparison (Comparison): The comparison.
        streams (dict[str, sequence of str]): The streams that are shown, by row.
        results (dict[str, dict[int, Result]]): What came out, by row and seed.

    Returns:
        list[Line]: A line for each stream of each row that has a result.
    """
    lines = []
    for row in comparison.rows:
        own = results.get(row.name, {})
        if not own:
            continue
        for stream in streams[row.name]:
            compared = stream in ('', 'student') and not row.once
            default = comparison.baseline if compared else None
            control = row.against.get(stream, default)
            difference = None
            if control and control != row.name:
                other = results.get(control, {})
                values = _values(comparison, own, stream)
                shown = streams[control]
                others = _values(
                    comparison, other, stream if stream in shown else shown[0]
                )
                if comparison.row(control).once:
                    # It stands for every seed.
                    others = {
                        seed: value for seed in values for value in others.values()
                    }
                difference = paired_difference(values, others)
            planned = len(comparison.seeds_of(row))
            named = control if control and difference else ''
            lines.append(Line(row.name, stream, own, planned, difference, named))
    return lines


def _values(
    comparison: Comparison, results: Mapping[int, Result], stream: str
) -> dict[int, float]:
    """The first metric at the last epoch, by seed."""
    metric = comparison.metrics[0]
    return {seed: result.last(stream, metric) for seed, result in results.items()}


def table(comparison: Comparison, lines: Sequence[Line]) -> str:
    """Write the table in Markdown.

    Args:
        comparison (Comparison): The comparison.
        lines (sequence of Line): Its lines.

    Returns:
        str: The table, and what its columns are.
    """
    first, *others = comparison.metrics
    head = ['row', 'stream', 'seeds', first, 'difference (95 % CI)', 'best epoch']
    head += [*others, 'step, wall (ms)', 'step, CPU (ms)', 'parameters (M)']
    text = [
        '| ' + ' | '.join(head) + ' |',
        '| ' + ' | '.join(['---'] * len(head)) + ' |',
    ]
    for line in lines:
        text.append('| ' + ' | '.join(_cells(comparison, line)) + ' |')
    note = (
        f'\n{first} and the other metrics: at the last epoch, mean ± standard '
        'deviation over the seeds. Difference: of the last epoch'
    )
    if comparison.baseline:
        note += f' to "{comparison.baseline}" or the row in brackets'
    note += (
        ", paired by seed, with Student's t interval; bold where it leaves 0 out. "
        'The one seed of a teacher stands for all. Best epoch: chosen on the data that '
        'it is measured on, so it flatters.'
    )
    return '\n'.join([*text, note])


def _cells(comparison: Comparison, line: Line) -> list[str]:
    """The cells of a line."""
    results = list(line.results.values())
    count = str(len(results))
    if len(results) < line.planned:
        count += f' of {line.planned}'
    best = [result.best(line.stream, comparison)[1] for result in results]
    first, *others = (
        mean_and_deviation([result.last(line.stream, metric) for result in results])
        for metric in comparison.metrics
    )
    cells = [line.row, line.stream or '-', count, first]
    cells += [_difference(comparison, line), mean_and_deviation(best), *others]
    costs = (cost_of(result, line.stream) for result in results)
    for values, factor, digits in zip(
        zip(*costs), (1e3, 1e3, 1e-6), (0, 0, 2), strict=True
    ):
        known = [value * factor for value in values if value is not None]
        cells.append(f'{statistics.fmean(known):.{digits}f}' if known else '')
    return cells


def _difference(comparison: Comparison, line: Line) -> str:
    """A difference with its interval."""
    found = line.difference
    if found is None:
        return ''
    if found.half is None:
        text = f'{found.mean:+.3f} (one seed)'
    else:
        low, high = found.mean - found.half, found.mean + found.half
        text = f'{found.mean:+.3f} ({low:+.3f} to {high:+.3f})'
    if found.decided:
        text = f'**{text}**'
    if line.control != comparison.baseline:
        text += f' [{line.control}]'
    if 1 < found.pairs < len(line.results):
        text += f', {found.pairs} pairs'
    return text


def cost_of(result: Result, stream: str) -> tuple[float | None, ...]:
    """What a step of a training cost.

    Args:
        result (Result): What came out of it.
        stream (str): The stream whose parameters are counted.

    Returns:
        tuple[float or None, ...]: Wall and CPU seconds, and parameters; None where that
        was not measured, as parameters of a frozen stream.
    """
    step: Mapping[str, Any] = result.step
    return step.get('wall'), step.get('cpu'), step.get('parameters', {}).get(stream)


def csv_of(
    comparison: Comparison, streams: Mapping[str, Sequence[str]], results: Results
) -> str:
    """Write every single value as CSV.

    Args:
        comparison (Comparison): The comparison.
        streams (dict[str, sequence of str]): The streams that are shown, by row.
        results (dict[str, dict[int, Result]]): What came out, by row and seed.

    Returns:
        str: A line for each row, stream, seed and metric.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator='\n')
    writer.writerow((*_FIELDS, *_COSTS))
    for row in comparison.rows:
        for seed, result in sorted(results.get(row.name, {}).items()):
            for stream in streams[row.name]:
                epoch, _ = result.best(stream, comparison)
                for metric in comparison.metrics:
                    curve = result.curve(stream, metric)
                    values = (result.last(stream, metric), curve[epoch], epoch)
                    costs = (*cost_of(result, stream), round(result.minutes, 2))
                    writer.writerow(
                        (row.name, stream, seed, metric, *values, result.epochs, *costs)
                    )
    return out.getvalue()
