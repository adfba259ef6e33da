# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Compare methods on a data set: train all that is missing, and write table and figure.

    python tools/compare.py my_comparison.py --jobs 2

The file names rows, each with a config, and seeds, epochs and the baseline; see
``docs/compare.md``. Trainings that an interruption stopped continue, and those that are
done are not repeated. What came out of each is kept as a small JSON file; the table
(Markdown), the figure and the CSV are written of what there is.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from comparison.pool import Pool, devices_of
from comparison.progress import Progress
from comparison.report import Results, csv_of, lines_of, table
from comparison.results import Result, ResultStore, streams_of
from comparison.slurm import write_jobs
from comparison.spec import Comparison, read
from comparison.trainings import Training, trainings_of
from launch import ROOT, is_done


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the options.

    Args:
        argv (sequence of str, optional): The arguments. Defaults to None: the command
            line's.

    Returns:
        argparse.Namespace: The options.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('file', type=Path, help='the comparison (.py, .yaml or .json)')
    add_options(parser)
    return parser.parse_args(argv)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what all comparisons are run with.

    Args:
        parser (ArgumentParser): The parser.
    """
    parser.add_argument(
        '--out', type=Path, help='runs, table, figure, CSV (work_dirs/compare/NAME)'
    )
    parser.add_argument('--results', type=Path, help='the JSON files (OUT/results)')
    parser.add_argument('--seeds', type=int, nargs='+', help="seeds (the file's)")
    parser.add_argument('--epochs', type=int, help="epochs of every row (the file's)")
    parser.add_argument(
        '--jobs',
        type=int,
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


def run(comparison: Comparison, args: argparse.Namespace, words: Sequence[str]) -> int:
    """Train what is missing, and write what came out.

    Args:
        comparison (Comparison): The comparison.
        args (argparse.Namespace): The options of :func:`add_options`.
        words (sequence of str): The command of this tool, for jobs.

    Returns:
        int: The exit status: 1 if a training failed.
    """
    seeds = tuple(args.seeds or comparison.seeds)
    epochs = args.epochs or comparison.epochs
    comparison = replace(comparison, seeds=seeds, epochs=epochs)
    there = not comparison.data or (ROOT / comparison.data).exists()
    if not there and not args.no_training:
        raise FileNotFoundError(
            f'There is no {comparison.data}, which {comparison.name} needs.'
        )
    out = (args.out or ROOT / 'work_dirs' / 'compare' / comparison.name).resolve()
    store = ResultStore((args.results or out / 'results').resolve())
    trainings = trainings_of(comparison, ROOT, out)
    for training in trainings:
        if store.load(training) is None and is_done(training.work_dir, training.key):
            store.collect(training, comparison)
    missing = [] if args.no_training else missing_of(trainings, store, args)
    if args.launcher == 'slurm':
        script = write_jobs(missing, words, out / 'slurm', ROOT, args.sbatch)
        print(f'{len(missing)} jobs. Submit them: {script}')
        return 0
    failed = {}
    if missing:
        failed = train(missing, trainings, store, comparison, args.jobs)
    if not args.training:
        write(comparison, trainings, store, out, args.keep)
    for title, reason in failed.items():
        print(f'Not finished: {title}: {reason}', file=sys.stderr)
    return int(bool(failed))


def missing_of(
    trainings: Sequence[Training], store: ResultStore, args: argparse.Namespace
) -> list[Training]:
    """What is to be trained.

    Args:
        trainings (sequence of Training): All trainings, each after those that it starts
            from.
        store (ResultStore): What came out of those that are done.
        args (argparse.Namespace): The options.

    Returns:
        list[Training]: Those without a result; and those whose checkpoint one of them
        starts from, if that is gone.
    """
    wanted = set()
    for training in trainings:
        named = not args.only or training.row.name in args.only
        if args.training:
            named = [training.row.name, str(training.seed)] == args.training
        if named and store.load(training, args.keep) is None:
            wanted.add(training.title)
    if args.training:
        return [training for training in trainings if training.title in wanted]
    for training in reversed(trainings):
        if training.title not in wanted:
            continue
        for need in training.needs.values():
            done = is_done(need.work_dir, need.key) and need.has_checkpoint()
            if not done:
                wanted.add(need.title)
    return [training for training in trainings if training.title in wanted]


def train(
    missing: Sequence[Training],
    trainings: Sequence[Training],
    store: ResultStore,
    comparison: Comparison,
    jobs: int | None,
) -> dict[str, str]:
    """Train side by side.

    Args:
        missing (sequence of Training): What is to be trained.
        trainings (sequence of Training): All trainings.
        store (ResultStore): Keeps what comes out.
        comparison (Comparison): The comparison.
        jobs (int, optional): How many run at a time.

    Returns:
        dict[str, str]: Why trainings were not finished, by title.
    """
    devices = devices_of(jobs)
    paces: dict[str, float] = {}
    done = 0
    for training in trainings:
        result = store.load(training)
        if result is not None and result.minutes and result.epochs:
            paces[training.row.name] = result.minutes * 60 / result.epochs
        done += result is not None and training not in missing
    progress = Progress(done + len(missing), done, len(devices), paces)
    pool = Pool(devices, progress, lambda one: store.collect(one, comparison))
    return pool.run(missing)


def write(
    comparison: Comparison,
    trainings: Sequence[Training],
    store: ResultStore,
    out: Path,
    keep: bool,
) -> None:
    """Write table, figure and CSV, and print the table.

    Args:
        comparison (Comparison): The comparison.
        trainings (sequence of Training): All trainings.
        store (ResultStore): What came out of them.
        out (Path): Where they are written.
        keep (bool): Whether results of other configs will do.
    """
    from comparison.figure import draw

    found: dict[str, dict[int, Result]] = {}
    streams = {}
    for training in trainings:
        streams[training.row.name] = streams_of(training.row, training.config)
        result = store.load(training, keep)
        if result is not None:
            found.setdefault(training.row.name, {})[training.seed] = result
    results: Results = found
    lines = lines_of(comparison, streams, results)
    if not lines:
        print('There are no results yet.')
        return
    out.mkdir(parents=True, exist_ok=True)
    text = table(comparison, lines)
    (out / f'{comparison.name}.md').write_text(text + '\n')
    (out / f'{comparison.name}.csv').write_text(csv_of(comparison, streams, results))
    draw(comparison, lines, out / f'{comparison.name}.png')
    minutes = statistics.fsum(
        result.minutes for own in found.values() for result in own.values()
    )
    print(f'\n{text}\n\nOf {minutes:.0f} minutes of training.')
    print(f'Files: {out / comparison.name}.md, .csv and .png')


def main(argv: Sequence[str] | None = None) -> int:
    """Run from the command line.

    Args:
        argv (sequence of str, optional): The arguments. Defaults to None: the command
            line's.

    Returns:
        int: The exit status.
    """
    args = parse_args(argv)
    try:
        comparison = read(args.file)
        words = [str(Path(__file__).resolve()), str(args.file.resolve())]
        return run(comparison, args, [*words, *job_options(args)])
    except (ValueError, FileNotFoundError) as error:
        print(f'compare: {error}', file=sys.stderr)
        return 2


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


if __name__ == '__main__':
    sys.exit(main())
