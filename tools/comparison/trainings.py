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

from launch import is_done, last_checkpoint, path_option
from mmengine.config import Config, DictAction

from .length import epochs_of, length_options
from .spec import Comparison, Row, load_config

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
#: What changes a training where it is set; in a key only then.
_WHERE_SET = ('auto_scale_lr', 'runner_type')
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
        root (Path): The directory that it runs in.
        streams (tuple[str, ...]): The streams whose metrics are shown; ``''`` is a
            plain model.
    """

    row: Row
    seed: int
    config: Path
    work_dir: Path
    options: tuple[str, ...]
    needs: Mapping[str, Training]
    key: str
    epochs: int
    root: Path
    streams: tuple[str, ...]

    @property
    def title(self) -> str:
        """What a person calls it."""
        return f'{self.row.name}, seed {self.seed}'

    def all_options(self) -> list[str]:
        """Its options, with the checkpoints that its streams start from.

        Returns:
            list[str]: Options of ``--cfg-options``.

        Raises:
            FileNotFoundError: If one of these checkpoints is not there.
        """
        starts = []
        for stream, training in self.needs.items():
            checkpoint = training.last_checkpoint()
            if checkpoint is None:
                raise FileNotFoundError(
                    f'{self.title}: it starts from "{training.title}", whose last '
                    f'checkpoint is not in {training.work_dir}: train that first.'
                )
            path = path_option(checkpoint, self.root)
            if stream:
                starts.append(f'model.streams.{stream}.checkpoint={path}')
            else:
                # `load_from` would take the place of what is to be resumed.
                starts.append('model.init_cfg.type=Pretrained')
                starts.append(f'model.init_cfg.checkpoint={path}')
        return [*self.options, *starts]

    def last_checkpoint(self) -> Path | None:
        """The checkpoint that others start from.

        Returns:
            Path or None: Its last one; None if it is not there.
        """
        return last_checkpoint(self.work_dir)

    def is_whole(self) -> bool:
        """Whether it ended, and others can start from it.

        Returns:
            bool: Whether it did; what is not trained has no checkpoint.
        """
        ended = is_done(self.work_dir, self.key)
        return ended and (not self.row.trained or self.last_checkpoint() is not None)


def trainings_of(comparison: Comparison, root: Path, out: Path) -> list[Training]:
    """List the trainings of a comparison, each after those that it starts from.

    Args:
        comparison (Comparison): The comparison.
        root (Path): What its configs are relative to.
        out (Path): The directory of the runs.

    Returns:
        list[Training]: All trainings: every row with the first seed, then with the
        second, so that an early look at the table has all rows.

    Raises:
        FileNotFoundError: If there is no such config.
        ValueError: If a config, an option or ``out`` does not fit a comparison.
    """
    if any(row.starts for row in comparison.rows):
        path_option(out, root)
    found: dict[tuple[str, int], Training] = {}

    def add(row: Row, seed: int) -> Training:
        own = comparison.seed_of(row, seed)
        if (row.name, own) not in found:
            needs = {
                stream: add(comparison.row(name), own)
                for stream, name in row.starts.items()
            }
            training = _training(comparison, row, own, root, out, needs)
            found[row.name, own] = training
        return found[row.name, own]

    for seed in comparison.seeds:
        for row in comparison.rows:
            add(row, seed)
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
    cfg = load_config(config, row.name)
    try:
        _check_streams(row, cfg)
        options = (
            f'randomness.seed={seed}',
            *length_options(cfg, row.epochs or comparison.epochs),
            *comparison.options,
            *row.options,
            MEASURE,
        )
        cfg.merge_from_dict(parse_options(options))
        epochs = epochs_of(cfg) if row.trained else 0
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise ValueError(f'{row.name}: {error}') from error
    return Training(
        row=row,
        seed=seed,
        config=config,
        work_dir=out / f'{row.folder}_seed{seed}',
        options=options,
        needs=needs,
        key=fingerprint(cfg, needs, row.trained),
        epochs=epochs,
        root=root,
        streams=row.streams or (('student',) if 'streams' in cfg.model else ('',)),
    )


def _check_streams(row: Row, cfg: Config) -> None:
    """Refuse streams that a config does not have, where it lists its streams."""
    model = cfg.get('model')
    if not isinstance(model, Mapping):
        raise ValueError(f'{row.config} has no `model`: it is a part of a config.')
    if '' in row.starts and isinstance(model.get('init_cfg'), list):
        raise ValueError(
            f'`starts` sets `model.init_cfg` of {row.config}, which is a list there. '
            'Give the model no list.'
        )
    names = list(model.get('streams') or ())
    if not names:
        return
    for field in ('starts', 'streams', 'against'):
        known = ['', *names, *([] if field == 'starts' else ['fused'])]
        for stream in getattr(row, field) or ():
            # Of branches, `student.branches.0`.
            if stream.partition('.')[0] not in known:
                raise ValueError(
                    f'`{field}` names the stream {stream!r}. Streams of {row.config} '
                    f'are: {", ".join(names)}.'
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
    content |= {key: cfg[key] for key in _WHERE_SET if _is_set(cfg.get(key))}
    if not trained:
        content['trained'] = False
    starts = {stream: training.key for stream, training in needs.items()}
    text = json.dumps(content, sort_keys=True, default=_named)
    for stream in needs:
        # Where the checkpoint lies does not matter; which it is stands beside.
        model = cfg.get('model', {})
        place = (
            model.get('streams', {}).get(stream) if stream else model.get('init_cfg')
        )
        path = place.get('checkpoint') if isinstance(place, Mapping) else None
        if path:
            text = text.replace(json.dumps(path), '"start"')
    return hashlib.sha256((text + json.dumps(starts)).encode()).hexdigest()


def _is_set(value: Any) -> bool:
    """Whether a field has an effect: scaling of the learning rate can be off."""
    return bool(value.get('enable') if isinstance(value, Mapping) else value)


def _named(value: Any) -> str:
    """A class or function by its name; its ``repr`` may have its address in memory."""
    named = hasattr(value, '__module__') and hasattr(value, '__qualname__')
    return f'{value.__module__}.{value.__qualname__}' if named else repr(value)
