# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Average the metrics of runs on the splits of a data set.

HMDB51 and UCF101 are divided into training and test data in three ways, and accuracies
are means over these splits (Table VIII of DKD). For each run, the metrics are those of
the last validation, or, with --best, of the one where a metric was greatest. A JSON
file that ``tools/test.py --out`` wrote can stand in a run's place.
"""

import argparse
import json
import math
import sys
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Optional

from tool_options import described_parser

from dynkd.utils import RunLog
from dynkd.utils.tool import run_tool

Metrics = dict[str, float]
#: What a record of a validation holds besides metrics.
NO_METRICS = ('step', 'time', 'data_time')


def validations(run: Path) -> dict[int, Metrics]:
    """The metrics of all validations of a run.

    Args:
        run (Path): Its work directory.

    Returns:
        dict[int, dict[str, float]]: The metrics by epoch (or iteration). What a resumed
        run did again replaces what it had done before.

    Raises:
        FileNotFoundError: If there is no log.
        ValueError: If nothing was validated.
    """
    found: dict[int, Metrics] = {}
    for record in RunLog(run).records:
        if 'iter' in record or 'epoch' in record:
            continue  # of training
        metrics = {k: v for k, v in record.items() if k not in NO_METRICS}
        if metrics:
            found[record['step']] = metrics
    if not found:
        raise ValueError(f'{run} was never validated.')
    return dict(sorted(found.items()))


def read(run: Path, best: Optional[str] = None) -> tuple[Optional[int], Metrics]:
    """The metrics of a run that count.

    Args:
        run (Path): Its work directory, or a JSON file of metrics.
        best (str, optional): The metric of which the greatest value decides; the first
            of equal ones. Defaults to None: the last validation counts.

    Returns:
        tuple[int or None, dict[str, float]]: The epoch (or iteration), which a file
        does not tell, and the metrics.

    Raises:
        FileNotFoundError: If there is no log.
        ValueError: If there are no metrics, or ``best`` is none of them.
    """
    if run.is_file():
        try:
            metrics = json.loads(run.read_text(encoding='utf-8'))
        except ValueError as error:
            raise ValueError(f'{run}: {error}') from None
        if not isinstance(metrics, dict) or not metrics:
            raise ValueError(f'{run} holds no metrics by name.')
        # Those of single classes are lists.
        return None, {k: v for k, v in metrics.items() if isinstance(v, (int, float))}
    found = validations(run)
    if best is None:
        step = max(found)
        return step, found[step]
    scored = {s: metrics[best] for s, metrics in found.items() if best in metrics}
    if not scored:
        known = ', '.join(sorted(set().union(*found.values())))
        raise ValueError(f'{run} has no metric `{best}`. It has: {known}.')
    # A stream that finds nothing has NaN.
    finite = [step for step, value in scored.items() if math.isfinite(value)]
    if not finite:
        raise ValueError(f'{run}: `{best}` is not finite in any validation.')
    step = max(finite, key=lambda step: scored[step])
    return step, found[step]


def mean_over_splits(splits: Sequence[Metrics]) -> Metrics:
    """The mean of each metric over the splits.

    Args:
        splits (list[dict[str, float]]): The metrics of each split.

    Returns:
        dict[str, float]: The means.

    Raises:
        ValueError: If a metric is missing in a split.
    """
    for name in dict.fromkeys(name for metrics in splits for name in metrics):
        missing = [str(i) for i, own in enumerate(splits, 1) if name not in own]
        if missing:
            raise ValueError(
                f'run {", ".join(missing)} has no metric `{name}`, which others have. '
                'Name metrics that all have with --metrics.'
            )
    return {n: sum(own[n] for own in splits) / len(splits) for n in splits[0]}


def table(
    steps: Sequence[Optional[int]], splits: Sequence[Metrics], digits: int
) -> str:
    """A Markdown table of the metrics, with a column for each split and the mean.

    Args:
        steps (list[int or None]): When each split was validated.
        splits (list[dict[str, float]]): The metrics of each split.
        digits (int): Number of decimals.

    Returns:
        str: The table.

    Raises:
        ValueError: If a metric is missing in a split.
    """
    means = mean_over_splits(splits)
    head = ['', *(f'split {i}' for i in range(1, len(splits) + 1)), 'mean']
    rows = [
        [name, *(f'{own[name]:.{digits}f}' for own in splits), f'{mean:.{digits}f}']
        for name, mean in means.items()
    ]
    rows.append(['validation', *('' if s is None else str(s) for s in steps), ''])
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    lines = [head, ['-' * widths[0], *('-' * (w - 1) + ':' for w in widths[1:])], *rows]
    return '\n'.join(
        '| '
        + ' | '.join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])])
        + ' |'
        for row in lines
    )


def parse_args(argv: Optional[Sequence[str]] = None) -> argparse.Namespace:
    """Read the options.

    Args:
        argv (list[str], optional): The arguments. Defaults to None: the command line's.

    Returns:
        argparse.Namespace: The options.
    """
    parser = described_parser(__doc__)
    parser.add_argument(
        'runs', nargs='+', type=Path, metavar='run', help='work directory, or JSON file'
    )
    parser.add_argument(
        '--best',
        metavar='METRIC',
        help='take each run where this metric is greatest; such a choice flatters on '
        'the data that it was made on (default: the last validation)',
    )
    parser.add_argument(
        '--metrics', nargs='+', default=['*'], help='names, or patterns: */acc/top1 (*)'
    )
    parser.add_argument('--digits', type=int, default=4, help='decimals (4)')
    args = parser.parse_args(argv)
    if len(args.runs) < 2:
        parser.error('a mean needs two runs or more, one for each split')
    if len(set(args.runs)) < len(args.runs):
        parser.error('the same run is given twice')
    if args.digits < 0:
        parser.error(f'--digits must not be negative: {args.digits}')
    return args


def main(argv: Optional[Sequence[str]] = None) -> None:
    """Read the options and print the table.

    Args:
        argv (list[str], optional): The arguments. Defaults to None: the command line's.
    """
    args = parse_args(argv)
    try:
        steps, found = zip(*(read(run, args.best) for run in args.runs))
        splits = [
            {
                name: value
                for name, value in metrics.items()
                if any(fnmatchcase(name, pattern) for pattern in args.metrics)
            }
            for metrics in found
        ]
        if not any(splits):
            known = ', '.join(dict.fromkeys(n for own in found for n in own))
            raise ValueError(f'no metric fits --metrics. There are: {known}.')
        text = table(steps, splits, args.digits)
    except (OSError, ValueError) as error:
        raise SystemExit(str(error)) from None
    print(text)
    if args.best is None and len({step for step in steps if step is not None}) > 1:
        print('The last validations differ: is a run unfinished?', file=sys.stderr)


if __name__ == '__main__':
    run_tool(main)
