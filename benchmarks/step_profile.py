# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Where the processor's time of a step goes: the functions that take most of it.

A row of `host_overhead.py` is profiled by cProfile: the ten functions with the most
time of their own, those of torch that compute included, and the ten of DynKD. The
profiler makes functions that are called often look more expensive than they are.
"""

import argparse
import copy
import cProfile
import pstats
from pathlib import Path

from host_overhead import ROWS, batches_of, stepping

import dynkd

#: The folder of the package.
OWN = Path(dynkd.__file__).parent
#: The first steps allocate and check, and are not profiled.
WARM_UP = 3


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        '--row', choices=ROWS, default='DKD, 256 x 32²', help='what is profiled'
    )
    parser.add_argument('--steps', type=int, default=20, help='profiled steps')
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--seed', type=int, default=0)
    return parser.parse_args()


def place(function: tuple[str, int, str]) -> str:
    """A function for a table: its file, as it is imported, and its name."""
    file, _, name = function
    if file == '~':
        return name
    inside = file.removeprefix(f'{OWN.parent}/').rpartition('site-packages/')[2]
    return f'{inside}: {name}'


def main() -> None:
    args = parse_args()
    row = ROWS[args.row]
    batches = batches_of(row, args)
    step = stepping(row.model(args.seed))
    profile = cProfile.Profile()
    for turn in range(WARM_UP + args.steps):
        # A step may write into its batch.
        batch = copy.deepcopy(batches[turn % len(batches)])
        if turn < WARM_UP:
            step(batch)
        else:
            profile.runcall(step, batch)
    found = pstats.Stats(profile).stats.items()  # type: ignore[attr-defined]
    total = sum(times[2] for _, times in found)
    ranked = sorted(found, key=lambda item: -item[1][2])
    for title, rows in {
        'all functions': ranked,
        'of DynKD': [item for item in ranked if item[0][0].startswith(str(OWN))],
    }.items():
        print(f'| {title} | calls per step | own time, µs per step | share |')
        print('|---|---|---|---|')
        for function, (_, calls, own, *_) in rows[:10]:
            count, time = calls / args.steps, 1e6 * own / args.steps
            share = f'{own / total:.2%}'
            print(f'| `{place(function)}` | {count:g} | {time:.0f} | {share} |')
        print()


if __name__ == '__main__':
    main()
