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
from functools import partial
from pathlib import Path
from typing import Callable

from comparison.options import add_options, as_asked, job_options
from comparison.pool import Pool, devices_of
from comparison.progress import Progress
from comparison.report import Results, csv_of, lines_of, table
from comparison.results import Result, ResultStore
from comparison.slurm import write_jobs
from comparison.spec import Comparison, read
from comparison.trainings import Training, trainings_of
from launch import is_done

from dynkd.exit_status import reports_errors
from dynkd.utils.tool import run_tool


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


def run(
    comparison: Comparison,
    args: argparse.Namespace,
    words: Sequence[str],
    root: Path | None = None,
) -> int:
    """Train what is missing, and write what came out.

    Args:
        comparison (Comparison): The comparison.
        args (argparse.Namespace): The options of :func:`add_options`.
        words (sequence of str): The command of this tool, for jobs.
        root (Path, optional): What relative paths are relative to, in the comparison
            and in its configs. Defaults to None: the current directory.

    Returns:
        int: The exit status: 1 if a training failed.
    """
    comparison = as_asked(comparison, args)
    root = root or Path.cwd()
    there = not comparison.data or (root / comparison.data).exists()
    if not there and not args.no_training:
        raise FileNotFoundError(
            f'There is no {root / comparison.data}, which {comparison.name} needs.'
        )
    out = (args.out or root / 'work_dirs' / 'compare' / comparison.name).resolve()
    store = ResultStore((args.results or out / 'results').resolve())
    trainings = trainings_of(comparison, root, out)
    load = partial(store.load, comparison=comparison, stale=args.keep)
    failed = collect(asked_of(trainings, args), store, comparison)
    missing = [] if args.no_training else missing_of(trainings, load, args)
    missing = [training for training in missing if training.title not in failed]
    if args.launcher == 'slurm':
        script = write_jobs(missing, words, out / 'slurm', root, args.sbatch)
        print(f'{len(missing)} jobs. Submit them: {script}')
    elif missing:
        failed |= train(missing, trainings, store, comparison, args.jobs)
    if args.launcher == 'none' and not args.training:
        write(comparison, trainings, load, out)
    for title, reason in failed.items():
        print(f'Not finished: {title}: {reason}', file=sys.stderr)
    return int(bool(failed))


def asked_of(trainings: Sequence[Training], args: argparse.Namespace) -> list[Training]:
    """The trainings that a call is about.

    Args:
        trainings (sequence of Training): All trainings.
        args (argparse.Namespace): The options.

    Returns:
        list[Training]: The one of ``--training``, or all.
    """
    # Jobs wait for this one's status, which others' results have no part in.
    return [
        training
        for training in trainings
        if args.training in (None, [training.row.name, str(training.seed)])
    ]


def collect(
    trainings: Sequence[Training], store: ResultStore, comparison: Comparison
) -> dict[str, str]:
    """Keep what came out of trainings that ended unseen.

    Args:
        trainings (sequence of Training): The trainings.
        store (ResultStore): Where it is kept.
        comparison (Comparison): The comparison.

    Returns:
        dict[str, str]: What is wrong with the results of trainings, by title.
    """
    failed = {}
    for training in trainings:
        if store.load(training, comparison) is not None:
            continue
        if is_done(training.work_dir, training.key):
            try:
                store.collect(training, comparison)
            except (ValueError, FileNotFoundError) as error:
                failed[training.title] = str(error)
    return failed


def missing_of(
    trainings: Sequence[Training],
    load: Callable[[Training], Result | None],
    args: argparse.Namespace,
) -> list[Training]:
    """What is to be trained.

    Args:
        trainings (sequence of Training): All trainings, each after those that it starts
            from.
        load (callable): Gives what came out of a training, or None.
        args (argparse.Namespace): The options.

    Returns:
        list[Training]: Those without a result; and those whose checkpoint one of them
        starts from, if that is gone.
    """
    if args.training:
        # A job may be there because others start from its checkpoint, which is gone.
        return [
            training
            for training in asked_of(trainings, args)
            if load(training) is None or not training.is_whole()
        ]
    wanted = {
        training.title
        for training in trainings
        if (not args.only or training.row.name in args.only) and load(training) is None
    }
    for training in reversed(trainings):
        if training.title in wanted:
            needs = training.needs.values()
            wanted |= {need.title for need in needs if not need.is_whole()}
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
        result = store.load(training, comparison)
        if result is not None and result.minutes and result.epochs:
            paces[training.row.name] = result.minutes * 60 / result.epochs
        done += result is not None and training not in missing
    progress = Progress(done + len(missing), done, len(devices), paces)
    pool = Pool(devices, progress, lambda one: store.collect(one, comparison))
    return pool.run(missing)


def write(
    comparison: Comparison,
    trainings: Sequence[Training],
    load: Callable[[Training], Result | None],
    out: Path,
) -> None:
    """Write table, figure and CSV, and print the table.

    Args:
        comparison (Comparison): The comparison.
        trainings (sequence of Training): All trainings.
        load (callable): Gives what came out of a training, or None.
        out (Path): Where they are written.
    """
    from comparison.figure import draw

    found: dict[str, dict[int, Result]] = {}
    streams = {training.row.name: training.streams for training in trainings}
    for training in trainings:
        result = load(training)
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


# Status 1 is that of a training that failed.
@reports_errors('compare', ValueError, FileNotFoundError, status=2)
def main(argv: Sequence[str] | None = None) -> int:
    """Run from the command line.

    Args:
        argv (sequence of str, optional): The arguments. Defaults to None: the command
            line's.

    Returns:
        int: The exit status.
    """
    args = parse_args(argv)
    comparison = read(args.file)
    words = [str(Path(__file__).resolve()), str(args.file.resolve())]
    return run(comparison, args, [*words, *job_options(args)])


def how_to_continue() -> str:
    """What to do after a comparison was stopped.

    Returns:
        str: For a message.
    """
    return 'the same command continues'


if __name__ == '__main__':
    run_tool(main, how_to_continue)
