# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The trainings of a comparison: a row with a seed each."""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config, DictAction

from .spec import Comparison, Row

#: What of a config makes a training what it is. All else are helpers, or log and save,
#: as the default hooks do.
MEANINGFUL = (
    'custom_hooks',
    'load_from',
    'model',
    'data_preprocessor',
    'optim_wrapper',
    'param_scheduler',
    'randomness',
    'train_cfg',
    'train_dataloader',
    'val_cfg',
    'val_dataloader',
    'val_evaluator',
)
#: Every training measures what its steps cost.
MEASURE = 'default_hooks.step_cost.type=dynkd.StepCostHook'


@dataclass(frozen=True)
class Training:
    """A row with a seed.

    Args:
        row (Row): The row.
        seed (int): The seed.
        config (Path): The config.
        work_dir (Path): Where it writes.
        options (tuple[str, ...]): Its options, but for where streams start.
        needs (dict[str, Training]): The trainings that it starts from, by stream.
        key (str): What tells it from other trainings, on any machine.
        epochs (int): How long it is; 0 where the row is not trained.
    """

    row: Row
    seed: int
    config: Path
    work_dir: Path
    options: tuple[str, ...]
    needs: Mapping[str, Training]
    key: str
    epochs: int

    @property
    def title(self) -> str:
        """What a person calls it."""
        return f'{self.row.name}, seed {self.seed}'

    def all_options(self) -> list[str]:
        """Its options, with the checkpoints that its streams start from.

        Returns:
            list[str]: Options of ``--cfg-options``.
        """
        starts = []
        for stream, training in self.needs.items():
            if not training.has_checkpoint():
                raise FileNotFoundError(
                    f'{self.title}: it starts from "{training.title}", whose last '
                    f'checkpoint is not in {training.work_dir}: train that first.'
                )
            path = (training.work_dir / 'last_checkpoint').read_text().strip()
            if stream:
                starts.append(f'model.streams.{stream}.checkpoint={path}')
            else:
                # `load_from` would take the place of what is to be resumed.
                starts.append('model.init_cfg.type=Pretrained')
                starts.append(f'model.init_cfg.checkpoint={path}')
        return [*self.options, *starts]

    def has_checkpoint(self) -> bool:
        """Whether others can start from it.

        Returns:
            bool: Whether its last checkpoint is still there.
        """
        last = self.work_dir / 'last_checkpoint'
        return last.is_file() and Path(last.read_text().strip()).is_file()


def trainings_of(comparison: Comparison, root: Path, out: Path) -> list[Training]:
    """List the trainings of a comparison, each after those that it starts from.

    Args:
        comparison (Comparison): The comparison.
        root (Path): What its configs are relative to.
        out (Path): The directory of the runs.

    Returns:
        list[Training]: All trainings: every row with the first seed, then with the
        second, so that an early look at the table has all rows.
    """
    found: dict[tuple[str, int], Training] = {}
    for seed in comparison.seeds:
        for row in comparison.rows:
            if seed not in comparison.seeds_of(row):
                continue
            needs = {}
            for stream, name in row.starts.items():
                start = comparison.row(name)
                own = seed if seed in comparison.seeds_of(start) else None
                own = comparison.seeds_of(start)[0] if own is None else own
                needs[stream] = found[name, own]
            found[row.name, seed] = _training(comparison, row, seed, root, out, needs)
    return list(found.values())


def _training(
    comparison: Comparison,
    row: Row,
    seed: int,
    root: Path,
    out: Path,
    needs: dict[str, Training],
) -> Training:
    """Put a training together."""
    config = root / row.config
    if not config.is_file():
        raise FileNotFoundError(f'{row.name}: there is no config {config}')
    cfg = Config.fromfile(config)
    epochs = row.epochs or comparison.epochs
    options = (
        f'randomness.seed={seed}',
        *length_options(cfg, epochs),
        *comparison.options,
        *row.options,
        MEASURE,
    )
    cfg.merge_from_dict(parse_options(options))
    return Training(
        row=row,
        seed=seed,
        config=config,
        work_dir=out / f'{row.folder}_seed{seed}',
        options=options,
        needs=needs,
        key=fingerprint(cfg, needs, row.trained),
        epochs=cfg.train_cfg.max_epochs if row.trained else 0,
    )


def parse_options(options: tuple[str, ...]) -> dict[str, Any]:
    """Read options as ``--cfg-options`` does.

    Args:
        options (tuple[str, ...]): ``key=value`` each.

    Returns:
        dict: The values by key.

    Raises:
        ValueError: If one has no ``=``.
    """
    wrong = [option for option in options if '=' not in option]
    if wrong:
        raise ValueError(f'options have to be `key=value`, unlike {wrong[0]!r}.')
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='*', action=DictAction, default={})
    return parser.parse_args(['--cfg-options', *options]).cfg_options


def fingerprint(
    cfg: Config, needs: Mapping[str, Training], trained: bool = True
) -> str:
    """What tells a training from others, whatever the machine and the folders.

    Args:
        cfg (Config): Its config, with its options.
        needs (dict[str, Training]): What it starts from, by stream.
        trained (bool): Whether it is trained. Defaults to True.

    Returns:
        str: A hash of what of the config has a meaning, and of what it starts from.
    """
    content = {key: cfg.get(key) for key in MEANINGFUL}
    if not trained:
        content['trained'] = False
    starts = {stream: training.key for stream, training in needs.items()}
    text = json.dumps(content, sort_keys=True, default=repr)
    for stream in needs:
        # Where the checkpoint lies does not matter; which it is stands beside.
        model = cfg.get('model', {})
        place = (
            model.get('streams', {}).get(stream) if stream else model.get('init_cfg')
        )
        path = (place or {}).get('checkpoint')
        if path:
            text = text.replace(json.dumps(path), '"start"')
    return hashlib.sha256((text + json.dumps(starts)).encode()).hexdigest()


def length_options(cfg: Config, epochs: int | None) -> list[str]:
    """The options that set the length of a training.

    Args:
        cfg (Config): The config.
        epochs (int, optional): Epochs; learning rates drop and phases begin at the same
            fractions of the training. None: as many as the config has.

    Returns:
        list[str]: Options of ``--cfg-options``.
    """
    if epochs is None:
        return []
    share = epochs / cfg.train_cfg.max_epochs
    interval = min(cfg.train_cfg.get('val_interval', 1), epochs)
    options = [f'train_cfg.max_epochs={epochs}', f'train_cfg.val_interval={interval}']
    schedules = cfg.param_scheduler
    named = schedules if isinstance(schedules, dict) else {'': schedules}
    for name, own in named.items():
        prefix = f'param_scheduler.{name}.' if name else 'param_scheduler.'
        for index, schedule in enumerate(own):
            if not schedule.get('by_epoch', True):
                continue
            for key in ('milestones', 'T_max', 'begin', 'end'):
                if schedule.get(key):
                    value = _scaled(schedule[key], share)
                    options.append(f'{prefix}{index}.{key}={value}')
    for index, phase in enumerate(cfg.model.get('phases') or ()):
        if phase.get('begin') and phase.get('by_epoch', True):
            begin = _scaled(phase.begin, share)
            options.append(f'model.phases.{index}.begin={begin}')
    return options


def _scaled(value: Any, share: float) -> str:
    """Scale epochs, in the notation of ``--cfg-options``; what was not 0 stays so."""
    if isinstance(value, (list, tuple)):
        return '[' + ','.join(_scaled(item, share) for item in value) + ']'
    return str(max(round(value * share), 1))
