# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Accuracy of distillation on small real data, over several seeds.

Runs a comparison of ``benchmarks/comparisons`` by ``tools/compare.py``, and has its
options. What came out of each training is kept in ``benchmarks/results``, so that a
later call trains only what is missing.

    python benchmarks/accuracy.py bccd --jobs 2

Data: ``data/bccd`` (images/, train.json, val.json, test.json), ``data/cifar10``
(train/<class>/*.jpg, test/<class>/*.jpg) or ``data/surv_fights_rawframes`` (what
``extract_flow.py`` writes, see ``configs/_base_/datasets/surv_fights.py``).
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent / 'tools'))

from compare import how_to_continue, run  # noqa: E402
from comparison.options import add_options, job_options  # noqa: E402
from comparison.spec import read  # noqa: E402

from dynkd.exit_status import reports_errors  # noqa: E402
from dynkd.utils.tool import run_tool  # noqa: E402


def suites() -> list[str]:
    """The comparisons that there are.

    Returns:
        list[str]: Their names.
    """
    return sorted(path.stem for path in (FOLDER / 'comparisons').glob('*.py'))


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
    parser.add_argument('suite', choices=suites())
    add_options(parser)
    return parser.parse_args(argv)


# Status 1 is that of a training that failed.
@reports_errors('accuracy', ValueError, FileNotFoundError, status=2)
def main(argv: Sequence[str] | None = None) -> int:
    """Run a comparison from the command line.

    Args:
        argv (sequence of str, optional): The arguments. Defaults to None: the command
            line's.

    Returns:
        int: The exit status.
    """
    args = parse_args(argv)
    comparison = read(FOLDER / 'comparisons' / f'{args.suite}.py')
    length = args.epochs or comparison.epochs
    suffix = f'_{length}e' if length else ''
    if args.out is None:
        # Suites on the same data share what they compare with.
        data = Path(comparison.data).name
        args.out = FOLDER.parent / 'work_dirs' / 'accuracy' / f'{data}{suffix}'
    if args.results is None:
        args.results = FOLDER / 'results' / f'{args.suite}{suffix}'
    words = [str(Path(__file__).resolve()), args.suite, *job_options(args)]
    return run(comparison, args, words, FOLDER.parent)


if __name__ == '__main__':
    run_tool(main, how_to_continue)
