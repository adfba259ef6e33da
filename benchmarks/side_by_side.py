# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Timing steps of several methods in one process, taking turns."""

import argparse
import copy
import statistics
import time
from random import Random
from typing import Any, Callable

Step = Callable[[Any], object]
CLOCKS = dict(wall=time.perf_counter, cpu=time.process_time)


def add_options(parser: argparse.ArgumentParser, turns: int) -> None:
    """Add the options of timing: turns, threads and the clock."""
    parser.add_argument('--turns', type=int, default=turns, help='timed steps of each')
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument(
        '--clock',
        choices=CLOCKS,
        default='wall',
        help="wall: elapsed time; cpu: this process' own, for machines that others use "
        'too, together with --threads 1',
    )
    parser.add_argument('--seed', type=int, default=0)


def measure(
    methods: dict[str, Step],
    batches: list[Any],
    turns: int,
    clock: Callable[[], float],
) -> dict[str, list[float]]:
    """Seconds of each method in each turn, in a new order in each.

    The order is drawn: if each always followed the same other one, it would always find
    the memory and the caches as that one leaves them.
    """
    found: dict[str, list[float]] = {name: [] for name in methods}
    names = list(methods)
    random = Random(0)
    for turn in range(turns + 2):
        random.shuffle(names)
        for name in names:
            # A step may write into its batch.
            batch = copy.deepcopy(batches[turn % len(batches)])
            begin = clock()
            methods[name](batch)
            if turn >= 2:
                found[name].append(clock() - begin)
    return found


def ratios(found: dict[str, list[float]], name: str, *parts: str) -> str:
    """Median and quartiles of the ratio of a method to the sum of others, by turns."""
    totals = [sum(values) for values in zip(*(found[part] for part in parts))]
    values = [a / b for a, b in zip(found[name], totals)]
    low, middle, high = statistics.quantiles(values, n=4)
    return f'{middle:.3f} ({low:.3f}–{high:.3f})'


def milliseconds(found: dict[str, list[float]], name: str) -> str:
    """Median time of a method."""
    return f'{1e3 * statistics.median(found[name]):.0f}'
