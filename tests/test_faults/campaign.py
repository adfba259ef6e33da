# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Kills trainings of all methods, resumes them, and compares what they end with.

``python tests/test_faults/campaign.py --kills 20`` prints a table: how many of the
killed trainings ended, once resumed, bit for bit as one that was never killed.
"""

import argparse
import functools
import gc
import json
import random
import shutil
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Callable, Optional

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]
warnings.filterwarnings('ignore')

import torch  # noqa: E402

import dynkd  # noqa: E402, F401  before the libraries that it repairs

# isort: split
import mmengine.config.config as config  # noqa: E402
import mmengine.config.utils as config_files  # noqa: E402
import mmengine.runner.runner as engine  # noqa: E402
from final_state import differences  # noqa: E402
from kill_points import Point, planned  # noqa: E402
from mmengine.config import Config  # noqa: E402
from mmpretrain.utils import register_all_modules  # noqa: E402
from trials import (  # noqa: E402
    complaints,
    finished,
    killed_after,
    killed_at,
    victims,
)

from dynkd.registry import HOOKS, LOOPS, MODELS  # noqa: E402

RUNS = ('dkd', 'ekd', 'dpk', 'iakd', 'dtskd', 'dtskd_files')
#: Names of the runs in tables.
TITLES = dict(dtskd='DTSKD, store in memory', dtskd_files='DTSKD, store in files')


def warm_up(runs: Sequence[str]) -> None:
    """Import what trainings need, and leave out what takes longer than they do."""
    torch.set_num_threads(1)
    register_all_modules(init_default_scope=False)
    import_module('dynkd.utils.cli')
    for registry in (MODELS, HOOKS, LOOPS):
        registry.import_from_location()
    # They start compilers and git, for the log, and format the text of a config, which
    # takes most of the time of so small a run.
    engine.collect_env = dict
    engine.get_git_hash = str
    config.FormatCode = lambda text, **style: (text, True)
    # The list of all configs of a library, which is read to find one.
    config_files._get_cfg_metainfo = functools.cache(config_files._get_cfg_metainfo)
    for run in runs:
        Config.fromfile(HERE / 'configs' / f'{run}.py')
    # Else each process copies this memory when it looks for garbage.
    gc.collect()
    gc.freeze()


def same_numbers_again(rank: int) -> None:
    """Break the exactness of resuming, to see that the campaign finds it."""
    from dynkd.engine.hooks import exact_resume_hook

    exact_resume_hook.seed_everything = lambda *numbers: None


class Cell:
    """The kills of one run in so many processes.

    Args:
        run (str): The run.
        processes (int): In how many processes.
        folder (Path): Where they train.
        seed (int): What the kills are drawn with.
        prepare (Callable, optional): What every resumed process does first.
    """

    def __init__(
        self,
        run: str,
        processes: int,
        folder: Path,
        seed: int,
        prepare: Optional[Callable] = None,
    ) -> None:
        self.run, self.processes, self.folder = run, processes, folder
        self.prepare = prepare
        self.draw = random.Random(f'{seed} {run} {processes}')
        self.whole = finished(run, folder / 'whole', processes)
        for line in complaints(self.whole):
            raise SystemExit(f'{run} does not train: {line}')

    def random_kills(self, count: int) -> dict[str, list[str]]:
        """Kill at random moments; return what is wrong after each."""
        found = {}
        while len(found) < count:
            ranks = victims(self.processes, self.draw)
            share = self.draw.random()
            seconds = share * self.whole.seconds[ranks[0]]
            name = f'random {len(found)}: {ranks} after {seconds:.3f} s ({share:.0%})'
            killed = killed_after(
                self.run, self._clean(), self.processes, seconds, ranks
            )
            if killed is not None and killed.status[ranks[0]] < 0:
                found[name] = self._resume()
        return found

    def planned_kills(self, count: Optional[int]) -> dict[str, list[str]]:
        """Kill at named points, at all or some; return what is wrong after each."""
        points = planned(self.run)
        if count is not None:
            self.draw.shuffle(points)
        found: dict[str, list[str]] = {}
        for point in points:
            if len(found) == count:
                break
            rank = self._rank(point)
            killed = killed_at(self.run, self._clean(), self.processes, point, rank)
            if killed.status[rank] == -signal.SIGKILL:
                found[str(point)] = self._resume()
            elif any(killed.status.values()):
                found[str(point)] = complaints(killed)
            else:
                # Such as a second best checkpoint, if there is none after the first.
                print(f'  {self.run}, {self.processes} processes: never "{point}"')
        return found

    def _rank(self, point: Point) -> int:
        """The process that dies: files are written by the first only."""
        alone = point.action in ('write', 'rename', 'remove', 'flush', 'metrics')
        saving = 'save' in point.what
        return 0 if alone or saving else self.draw.randrange(self.processes)

    def _clean(self) -> Path:
        folder = self.folder / 'killed'
        shutil.rmtree(folder, ignore_errors=True)
        return folder

    def _resume(self) -> list[str]:
        """Resume the killed training; say what is not as it should be."""
        folder = self.folder / 'killed'
        resumed = finished(self.run, folder, self.processes, self.prepare)
        wrong = complaints(resumed)
        return wrong or differences(self.whole.work_dir, folder, self.processes)


def survived(found: dict[str, list[str]]) -> str:
    """How many of the kills left no trace."""
    return f'{sum(not wrong for wrong in found.values())}/{len(found)}'


def table(results: dict) -> str:
    """The results as a table in Markdown."""
    lines = [
        '| Run | Processes | Random kills survived | Planned kills survived |',
        '| --- | --- | --- | --- |',
    ]
    for run, processes, kinds in results['cells']:
        cells = [survived(kinds[kind]) for kind in ('random', 'planned')]
        title = TITLES.get(run, run.upper())
        lines.append(f'| {title} | {processes} | {" | ".join(cells)} |')
    return '\n'.join(lines)


def parse() -> argparse.Namespace:
    """Read the options."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--kills', type=int, default=20, help='random kills per row')
    parser.add_argument('--planned', type=int, help='planned kills per row, or all')
    parser.add_argument('--runs', nargs='+', choices=RUNS, default=RUNS)
    parser.add_argument('--processes', nargs='+', type=int, default=[1, 2])
    parser.add_argument('--seed', type=int, default=0, help='what kills are drawn with')
    parser.add_argument('--out', type=Path, help='a JSON file for each kill')
    parser.add_argument(
        '--without-seeds',
        action='store_true',
        help='resume with other random numbers, to see that this is found',
    )
    return parser.parse_args()


def main() -> int:
    """Run the campaign; return the exit status."""
    args = parse()
    warm_up(args.runs)
    results: dict = dict(cells=[])
    prepare = same_numbers_again if args.without_seeds else None
    wrong = 0
    for run in args.runs:
        for processes in args.processes:
            begin = time.monotonic()
            folder = Path(tempfile.mkdtemp(prefix='dynkd-kills-'))
            try:
                cell = Cell(run, processes, folder, args.seed, prepare)
                kinds = dict(
                    planned=cell.planned_kills(args.planned),
                    random=cell.random_kills(args.kills),
                )
            finally:
                shutil.rmtree(folder, ignore_errors=True)
            results['cells'].append((run, processes, kinds))
            took = time.monotonic() - begin
            said = ', '.join(f'{kind} {survived(f)}' for kind, f in kinds.items())
            print(f'{run}, {processes} processes: {said} ({took:.0f} s)', flush=True)
            for kind, found in kinds.items():
                for name, lines in found.items():
                    if lines:
                        wrong += 1
                        print(f'  {kind}: {name}\n    ' + '\n    '.join(lines[:8]))
            if args.out is not None:
                args.out.write_text(json.dumps(results, indent=1))
    print(table(results))
    return int(bool(wrong))


if __name__ == '__main__':
    sys.exit(main())
