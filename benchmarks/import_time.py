# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Time of ``import dynkd`` beside that of ``import mmengine``.

Each import runs in a fresh interpreter, which times it itself, taking turns. The ratio
is that of each turn; its median and quartiles are printed.
"""

import argparse
import statistics
import subprocess
import sys

MODULES = ('mmengine', 'dynkd')
TIMED = """
import time
begin = time.perf_counter()
import {module}
print(time.perf_counter() - begin)
"""


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--turns', type=int, default=9, help='timed imports of each')
    return parser.parse_args()


def seconds(module: str) -> float:
    """Seconds that a fresh interpreter takes to import a module."""
    code = TIMED.format(module=module)
    command = [sys.executable, '-W', 'ignore', '-c', code]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout.split()[-1])


def main() -> None:
    args = parse_args()
    found: dict[str, list[float]] = {module: [] for module in MODULES}
    for turn in range(args.turns + 1):
        # Either is first in every other turn.
        for module in MODULES if turn % 2 else MODULES[::-1]:
            taken = seconds(module)
            # The first turn fills the disk's cache.
            if turn:
                found[module].append(taken)
    print('| import | seconds, median |\n|---|---|')
    for module in MODULES:
        print(f'| {module} | {statistics.median(found[module]):.2f} |')
    values = [b / a for a, b in zip(*(found[module] for module in MODULES))]
    low, middle, high = statistics.quantiles(values, n=4)
    print(f'\ndynkd / mmengine: {middle:.2f} ({low:.2f}–{high:.2f})')


if __name__ == '__main__':
    main()
