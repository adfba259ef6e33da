# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The options that all comparisons are run with."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from .spec import Comparison


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what all comparisons are run with.

    Args:
        parser (ArgumentParser): The parser.
    """
    parser.add_argument(
        '--out', type=Path, help='runs, table, figure, CSV (work_dirs/compare/NAME)'
    )
    parser.add_argument('--results', type=Path, help='the JSON files (OUT/results)')
    parser.add_argument('--seeds', type=_index, nargs='+', help="seeds (the file's)")
    parser.add_argument(
        '--epochs', type=_count, help="epochs of every row (the file's)"
    )
    parser.add_argument(
        '--jobs',
        type=_count,
        help='trainings side by side, one thread '
        'each on a CPU (one for each GPU, or one)',
    )
    parser.add_argument(
        '--only',
        nargs='+',
        metavar='ROW',
        help='train these rows, and what they start from',
    )
    parser.add_argument(
        '--no-training',
        action='store_true',
        help='write table, figure and CSV of what there is',
    )
    parser.add_argument(
        '--keep',
        action='store_true',
        help='accept results of configs that have changed since',
    )
    parser.add_argument(
        '--launcher',
        choices=['none', 'slurm'],
        default='none',
        help='slurm: write jobs instead of training here',
    )
    parser.add_argument(
        '--sbatch',
        action='append',
        default=[],
        metavar='OPTION',
        help='an option of sbatch, as "--sbatch=--time=4:00:00"',
    )
    parser.add_argument(
        '--training',
        nargs=2,
        metavar=('ROW', 'SEED'),
        help='only this training, as in a job',
    )


def _count(word: str) -> int:
    """Read a number that has to be positive."""
    return _whole_number(word, 1)


def _index(word: str) -> int:
    """Read a number that must not be negative, as a seed."""
    return _whole_number(word, 0)


def _whole_number(word: str, low: int) -> int:
    """Read a whole number of which the lowest is known."""
    if not word.isdecimal() or int(word) < low:
        raise argparse.ArgumentTypeError(f'{word!r} is not a number from {low} on')
    return int(word)


def as_asked(comparison: Comparison, args: argparse.Namespace) -> Comparison:
    """Change a comparison as the options say.

    Args:
        comparison (Comparison): The comparison.
        args (argparse.Namespace): The options.

    Returns:
        Comparison: With their seeds and their length.

    Raises:
        ValueError: If they name a row or a seed that there is not.
    """
    rows = comparison.rows
    if args.epochs:
        rows = tuple(replace(row, epochs=None) for row in rows)
    comparison = replace(
        comparison,
        rows=rows,
        seeds=tuple(args.seeds or comparison.seeds),
        epochs=args.epochs or comparison.epochs,
    )
    for name in args.only or ():
        comparison.row(name)
    if args.training:
        name, seed = args.training
        seeds = comparison.seeds_of(comparison.row(name))
        if seed not in map(str, seeds):
            shown = ', '.join(map(str, seeds))
            raise ValueError(f'--training: seeds of {name!r} are {shown}, not {seed}.')
    return comparison


def job_options(args: argparse.Namespace) -> list[str]:
    """The options that a job is called with, too.

    Args:
        args (argparse.Namespace): The options.

    Returns:
        list[str]: Those that say which trainings there are, and where they are kept.
    """
    words = []
    for name in ('out', 'results'):
        if getattr(args, name):
            words += [f'--{name}', str(getattr(args, name).resolve())]
    if args.seeds:
        words += ['--seeds', *map(str, args.seeds)]
    if args.epochs:
        words += ['--epochs', str(args.epochs)]
    return words
