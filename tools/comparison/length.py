# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""A training of another length than its config's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.config import Config

#: The fields of learning rates' schedules that count epochs.
_EPOCHS = ('milestones', 'T_max', 'begin', 'end', 'step_size', 'periods', 'total_steps')


def epochs_of(cfg: Config) -> int:
    """How many epochs a config trains.

    Args:
        cfg (Config): The config.

    Returns:
        int: Its epochs.

    Raises:
        ValueError: If it counts iterations.
    """
    epochs = (cfg.get('train_cfg') or {}).get('max_epochs')
    if epochs is None:
        raise ValueError(
            'a comparison counts epochs, and this config has no `train_cfg.max_epochs`.'
        )
    return epochs


def length_options(cfg: Config, epochs: int | None) -> list[str]:
    """The options that set the length of a training.

    Args:
        cfg (Config): The config.
        epochs (int, optional): Epochs; learning rates drop and phases begin at the same
            fractions of the training. None: as many as the config has.

    Returns:
        list[str]: Options of ``--cfg-options``.

    Raises:
        ValueError: If the config counts iterations.
    """
    if epochs is None:
        return []
    share = epochs / epochs_of(cfg)
    interval = min(cfg.train_cfg.get('val_interval', 1), epochs)
    options = [f'train_cfg.max_epochs={epochs}', f'train_cfg.val_interval={interval}']
    for place, schedule in _schedules(cfg.get('param_scheduler') or []):
        if not schedule.get('by_epoch', True):
            continue
        for key, value in _scaled_schedule(schedule, share, epochs).items():
            written = str(value).replace(' ', '')
            options.append(f'param_scheduler.{place}{key}={written}')
    for index, phase in enumerate(cfg.model.get('phases') or ()):
        if phase.get('begin') and phase.get('by_epoch', True):
            begin = _scaled(phase.begin, share)
            options.append(f'model.phases.{index}.begin={begin}')
    return options


def _schedules(cfg: Any, place: str = '') -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Find the schedules: one, a list of them, or these for each optimizer.

    Yields where each stands, as a prefix of an option's key, and the schedule.
    """
    if isinstance(cfg, Mapping) and 'type' in cfg:
        yield place, cfg
        return
    parts = cfg.items() if isinstance(cfg, Mapping) else enumerate(cfg)
    for key, own in parts:
        yield from _schedules(own, f'{place}{key}.')


def _scaled_schedule(
    schedule: Mapping[str, Any], share: float, epochs: int
) -> dict[str, Any]:
    """Scale what of a schedule counts epochs."""
    found = {key: _scaled(schedule[key], share) for key in _EPOCHS if schedule.get(key)}
    if 'begin' in found:
        # MMEngine refuses a schedule that ends where it begins, such as one that begins
        # after an epoch of warm-up, in a training of one epoch.
        found['begin'] = min(found['begin'], found.get('end', epochs) - 1)
    return found


def _scaled(value: Any, share: float) -> Any:
    """Scale epochs; what was not 0 stays so."""
    if isinstance(value, (list, tuple)):
        return [_scaled(item, share) for item in value]
    return max(round(value * share), 1)
