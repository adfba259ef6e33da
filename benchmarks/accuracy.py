# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Accuracy of distillation on small real data, over several seeds.

Trains every row of a suite with every seed, by ``tools/train.py`` and the project's
configs, and prints mean and standard deviation of the metrics at the last epoch. A call
that was interrupted continues where it stopped.

    python benchmarks/accuracy.py bccd --seeds 0 1 --epochs 12

Data: ``data/bccd`` (images/, train.json, val.json, test.json), ``data/cifar10``
(train/<class>/*.jpg, test/<class>/*.jpg) or ``data/surv_fights_rawframes`` (what
``extract_flow.py`` writes, see ``configs/_base_/datasets/surv_fights.py``).
"""

import argparse
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from mmengine.config import Config

from dynkd.utils import RunLog

# The tools are in no package.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'tools'))
from launch import ROOT, train_once


@dataclass(frozen=True)
class Row:
    """A row of a table: a config, trained once for each seed.

    Args:
        name (str): Name of the row, and of its work directory.
        config (str): The config.
        streams (tuple[str, ...]): The streams whose metrics are reported; an empty
            name for a plain model.
        teacher (str, optional): The row whose checkpoint (of its first seed) the
            teacher starts from. Defaults to None.
        once (bool): Whether the first seed is enough: a teacher. Defaults to False.
    """

    name: str
    config: str
    streams: tuple[str, ...] = ('',)
    teacher: Optional[str] = None
    once: bool = False


@dataclass(frozen=True)
class Suite:
    """A table.

    Args:
        data (str): The folder of the data set in ``data/``.
        metrics (tuple[str, ...]): The metrics that it shows.
        rows (tuple[Row, ...]): Its rows. What suites on the same data have in common
            is trained once.
    """

    data: str
    metrics: tuple[str, ...]
    rows: tuple[Row, ...]


#: What several suites compare with.
CIFAR_TEACHER = Row('raw teacher', 'configs/baselines/resnet18_cifar10.py', once=True)
CIFAR_STUDENT = Row('raw student', 'configs/baselines/resnet18half_cifar10.py')
BCCD_TEACHER = Row('raw teacher', 'configs/baselines/fcos_r18_bccd.py', once=True)
BCCD_STUDENT = Row('raw student', 'configs/baselines/fcos_r18half_bccd.py')
BCCD_METRICS = ('coco/bbox_mAP', 'coco/bbox_mAP_50')


def _student_row(name: str, config: str, teacher: str) -> Row:
    """A row of a student that learns from a trained, frozen teacher."""
    return Row(name, f'configs/{config}.py', ('student',), teacher)


SUITES = {
    'bccd': Suite(
        'bccd',
        BCCD_METRICS,
        (
            BCCD_TEACHER,
            BCCD_STUDENT,
            Row(
                'static (MSE)',
                'configs/dkd/fcos_r18_r18half_static-mse_bccd.py',
                ('student', 'teacher'),
                'raw teacher',
            ),
            Row(
                'DKD',
                'configs/dkd/fcos_r18_r18half_bccd.py',
                ('student', 'teacher'),
                'raw teacher',
            ),
        ),
    ),
    'cifar10': Suite(
        'cifar10',
        ('accuracy/top1',),
        (
            CIFAR_TEACHER,
            CIFAR_STUDENT,
            Row(
                'static (MSE)',
                'configs/dkd/resnet18_resnet18half_static_cifar10.py',
                ('student', 'teacher'),
                'raw teacher',
            ),
            Row(
                'DKD',
                'configs/dkd/resnet18_resnet18half_cifar10.py',
                ('student', 'teacher'),
                'raw teacher',
            ),
        ),
    ),
    'ekd': Suite(
        'cifar10',
        ('accuracy/top1',),
        (
            CIFAR_TEACHER,
            CIFAR_STUDENT,
            Row(
                'KD',
                'configs/ekd/resnet18_resnet18half_kd_cifar10.py',
                ('student',),
                'raw teacher',
            ),
            Row(
                'EKD',
                'configs/ekd/resnet18_resnet18half_cifar10.py',
                ('student', 'teacher'),
            ),
        ),
    ),
    'dtskd': Suite(
        'cifar10',
        ('accuracy/top1',),
        (
            CIFAR_STUDENT,
            Row(
                'historical',
                'configs/dtskd/resnet18half_historical_cifar10.py',
                ('student',),
            ),
            Row(
                'structural',
                'configs/dtskd/resnet18half_structural_cifar10.py',
                ('student',),
            ),
            Row('DTSKD', 'configs/dtskd/resnet18half_cifar10.py', ('student',)),
        ),
    ),
    'iakd': Suite(
        'cifar10',
        ('accuracy/top1',),
        (
            Row('ResNet-32', 'configs/baselines/resnet32_cifar10.py', once=True),
            Row('ResNet-20', 'configs/baselines/resnet20_cifar10.py'),
            *(
                _student_row(
                    name, f'iakd/resnet32_resnet20_{kind}_cifar10', 'ResNet-32'
                )
                for name, kind in {
                    'IAKD-U': 'u',
                    'IAKD-L': 'l',
                    'IAKD-R': 'r',
                    'IAKD-R + HKD': 'r-hkd',
                }.items()
            ),
        ),
    ),
    'dpk': Suite(
        'cifar10',
        ('accuracy/top1',),
        (
            CIFAR_TEACHER,
            CIFAR_STUDENT,
            *(
                _student_row(
                    name, f'dpk/resnet18_resnet18half_{kind}cifar10', 'raw teacher'
                )
                for name, kind in {
                    'KD of DPK': 'kd_',
                    'DPK 0.25': 'fixed025_',
                    'DPK 0.55': 'fixed055_',
                    'DPK 0.75': 'fixed075_',
                    'DPK': '',
                }.items()
            ),
        ),
    ),
    'surv_fights': Suite(
        'surv_fights_rawframes',
        ('acc/top1',),
        (
            Row('flow', 'configs/baselines/resnext3d18_flow_surv-fights.py'),
            Row('RGB', 'configs/baselines/resnext3d18_rgb_surv-fights.py'),
            *(
                Row(
                    name,
                    f'configs/dkd/resnext3d18_flow-rgb{kind}_surv-fights.py',
                    ('student', 'teacher', 'fused'),
                    'flow',
                )
                for name, kind in {
                    'static': '_static',
                    'dynamic': '',
                    'static + dynamic': '_static-dynamic',
                }.items()
            ),
        ),
    ),
    'fgd': Suite(
        'bccd',
        BCCD_METRICS,
        (
            BCCD_TEACHER,
            BCCD_STUDENT,
            _student_row('FGD', 'dpk/fgd_fcos_r18_r18half_bccd', 'raw teacher'),
            _student_row(
                'DPK + FGD', 'dpk/dpk-fgd_fcos_r18_r18half_bccd', 'raw teacher'
            ),
        ),
    ),
}


def options_of(config: str, epochs: Optional[int], seed: int) -> list[str]:
    """The options that set the seed and the length of a training.

    Args:
        config (str): The config.
        epochs (int, optional): Epochs; learning rates drop at the same fractions of the
            training. None: as many as the config has.
        seed (int): The seed.

    Returns:
        list[str]: Options of ``--cfg-options``.
    """
    options = [f'randomness.seed={seed}']
    if epochs is None:
        return options
    cfg = Config.fromfile(ROOT / config)
    share = epochs / cfg.train_cfg.max_epochs
    options.append(f'train_cfg.max_epochs={epochs}')
    interval = min(cfg.train_cfg.get('val_interval', 1), epochs)
    options.append(f'train_cfg.val_interval={interval}')
    schedules = cfg.param_scheduler
    named = schedules if isinstance(schedules, dict) else {'': schedules}
    for name, own in named.items():
        prefix = f'param_scheduler.{name}.' if name else 'param_scheduler.'
        for index, schedule in enumerate(own):
            for key in ('milestones', 'T_max'):
                if key in schedule and schedule.get('by_epoch', True):
                    value = _scaled(schedule[key], share)
                    options.append(f'{prefix}{index}.{key}={value}')
    return options


def _scaled(value, share: float) -> str:
    """Scale epochs, in the notation of ``--cfg-options``."""
    if isinstance(value, (list, tuple)):
        return '[' + ','.join(str(round(item * share)) for item in value) + ']'
    return str(round(value * share))


def run_suite(
    suite: Suite, seeds: list[int], epochs: Optional[int], extra: list[str], out: Path
) -> str:
    """Train the rows of a suite and make its table.

    Args:
        suite (Suite): The suite.
        seeds (list[int]): The seeds.
        epochs (int, optional): Epochs of every row. None: as its config has it.
        extra (list[str]): Further options of ``--cfg-options`` for every row.
        out (Path): The directory of the runs.

    Returns:
        str: The table, in Markdown.
    """
    lines = ['| row | stream | seeds | ' + ' | '.join(suite.metrics) + ' | minutes |']
    lines.append('|---|---|---|' + '---|' * (len(suite.metrics) + 1))
    folders: dict[str, list[Path]] = {}
    for row in suite.rows:
        own_seeds = seeds[:1] if row.once else seeds
        folders[row.name] = []
        for seed in own_seeds:
            folder = out / f'{row.name.replace(" ", "_")}_seed{seed}'
            folders[row.name].append(folder)
            options = [*options_of(row.config, epochs, seed), *extra]
            after = None
            if row.teacher is not None:
                after = folders[row.teacher][0]
                start = (after / 'last_checkpoint').read_text()
                options.append(f'model.streams.teacher.checkpoint={start.strip()}')
            begin = time.time()
            train_once(f'{row.name}, seed {seed}', row.config, folder, options, after)
            if not (folder / 'seconds').is_file():
                (folder / 'seconds').write_text(str(time.time() - begin))
        lines += _table_lines(suite, row, folders[row.name])
    return '\n'.join(lines)


def _table_lines(suite: Suite, row: Row, folders: list[Path]) -> list[str]:
    """The lines of a row: one for each stream."""
    minutes = [float((folder / 'seconds').read_text()) / 60 for folder in folders]
    lines = []
    for stream in row.streams:
        prefix = f'{stream}/' if stream else ''
        cells = []
        for metric in suite.metrics:
            values = [
                list(RunLog(folder).curve(prefix + metric).values())[-1]
                for folder in folders
            ]
            cells.append(f'{statistics.mean(values):.3f}')
            if len(values) > 1:
                cells[-1] += f' ± {statistics.stdev(values):.3f}'
        lines.append(
            f'| {row.name} | {stream or "-"} | {len(folders)} | {" | ".join(cells)} '
            f'| {statistics.mean(minutes):.1f} |'
        )
    return lines


def main() -> None:
    """Read the options and run a suite."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('suite', choices=SUITES)
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1])
    parser.add_argument('--epochs', type=int, help='epochs (as in the configs)')
    parser.add_argument(
        '--cfg-options', nargs='+', default=[], help='options for every row'
    )
    parser.add_argument('--out', type=Path, help='work_dirs/accuracy/<data>_<epochs>e')
    args = parser.parse_args()
    suite = SUITES[args.suite]
    if not (ROOT / 'data' / suite.data).is_dir():
        sys.exit(f'Skipped: there is no data/{suite.data}, see --help.')
    length = f'_{args.epochs}e' if args.epochs else ''
    folder = Path('work_dirs') / 'accuracy' / f'{suite.data}{length}'
    out = (args.out or folder).resolve()
    table = run_suite(suite, args.seeds, args.epochs, args.cfg_options, out)
    (out / f'{args.suite}.md').write_text(table + '\n')
    print(f'\n{table}')


if __name__ == '__main__':
    main()
