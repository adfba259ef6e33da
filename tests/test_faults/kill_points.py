# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Named moments of a training at which its process kills itself."""

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Callable

import torch
from mmengine.evaluator import Evaluator
from mmengine.runner import Runner

from dynkd.models.stores.slots import Slot
from dynkd.utils.atomic import PARTIAL


@dataclass(frozen=True)
class Point:
    """A moment of a training.

    Args:
        moment (str): ``'before'`` or ``'after'`` an action, or ``'half'`` of it.
        action (str): One of ``ACTIONS``, or ``'write'`` with ``'half'``.
        what (str): A pattern of what it acts on.
        count (int): Which time.
    """

    moment: str
    action: str
    what: str = '*'
    count: int = 1

    def __str__(self) -> str:
        return f'{self.moment} {self.action} {self.what} {self.count}'


def _name(path: Any, *_: Any, **__: Any) -> str:
    return os.path.basename(os.fspath(path))


#: The functions that are an action, and what they act on.
ACTIONS: dict[str, list[tuple[Any, str, Callable[..., str]]]] = dict(
    hooks=[(Runner, 'call_hook', lambda runner, name, **_: name)],
    step=[(torch.optim.SGD, 'step', lambda *_, **__: '')],
    metrics=[(Evaluator, 'evaluate', lambda *_, **__: '')],
    rename=[(os, 'replace', lambda _, path, **__: _name(path))],
    remove=[(os, 'remove', _name), (os, 'unlink', _name)],
    rows=[(Slot, 'complete', lambda *_, **__: '')],
    flush=[(Slot, 'flush', lambda *_, **__: '')],
)


def arm(point: Point) -> None:
    """Let this process kill itself at a point."""
    times = _due(point)
    if point.action == 'write':
        _halve_writing(times)
        return
    for owner, name, what in ACTIONS[point.action]:
        setattr(owner, name, _deadly(getattr(owner, name), what, point, times))


def _due(point: Point) -> Callable[[str], bool]:
    """Count what matches, and say whether it is time."""
    seen = 0

    def due(what: str) -> bool:
        nonlocal seen
        seen += fnmatch(what, point.what)
        return seen == point.count and fnmatch(what, point.what)

    return due


def _deadly(
    function: Callable,
    what: Callable[..., str],
    point: Point,
    due: Callable[[str], bool],
) -> Callable:
    """A function before or after which the process dies."""

    def act(*args: Any, **kwargs: Any) -> Any:
        last = due(what(*args, **kwargs))
        if last and point.moment == 'before':
            _die()
        done = function(*args, **kwargs)
        if last:
            _die()
        return done

    return act


def _halve_writing(due: Callable[[str], bool]) -> None:
    """Let the process die when half of what it writes into a file is written."""
    real = Path.open

    def open_file(self: Path, mode: str = 'r', *args: Any, **kwargs: Any) -> Any:
        file = real(self, mode, *args, **kwargs)
        if 'w' in mode and due(self.name.removesuffix(PARTIAL)):
            return _Half(file)
        return file

    Path.open = open_file


class _Half:
    """An open file that is written by half."""

    def __init__(self, file: Any) -> None:
        self.file = file

    def __enter__(self) -> '_Half':
        return self

    def __exit__(self, *_: Any) -> None:
        self.file.close()

    def write(self, data: Any) -> None:
        self.file.write(data[: len(data) // 2])
        self.file.flush()
        _die()


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


#: In every run: epochs have three steps, and the last two checkpoints are kept.
_COMMON = """
before step * 2
before step * 5
after step * 8
before hooks after_train_iter 4
after hooks after_train_iter 10
before hooks before_train_epoch 2
before hooks after_train_epoch 1
after hooks after_train_epoch 2
before hooks before_save_checkpoint 3
half write epoch_1.pth 1
half write epoch_2.pth 1
half write epoch_4.pth 1
before rename epoch_3.pth 1
after rename epoch_3.pth 1
after rename epoch_1.pth 1
half write last_checkpoint 1
half write last_checkpoint 3
before rename last_checkpoint 2
after rename last_checkpoint 3
before remove epoch_1.pth 1
after remove epoch_1.pth 1
after remove epoch_2.pth 1
after hooks after_val_iter 1
after hooks after_val_iter 4
before metrics * 2
after metrics * 2
half write best_*.pth 1
before rename best_*.pth 2
after rename best_*.pth 2
before remove best_*.pth 1
after remove best_*.pth 1
before hooks after_train 1
half write student.pth 1
before rename student.pth 1
before rename student.py 1
"""
#: Where a store publishes an epoch's predictions.
_STORE = """
before rows * 2
after rows * 3
"""
#: Where it is in files. The first lists say that the files are made.
_FILES = """
half write store.node0.json 1
half write store.node0.json 3
before rename store.node0.json 4
after rename store.node0.json 5
before flush * 2
after flush * 3
"""


def planned(run: str) -> list[Point]:
    """The points at which a run is killed."""
    text = _COMMON
    if run.startswith('dtskd'):
        text += _STORE
    if run == 'dtskd_files':
        text += _FILES
    return list(_parse(text))


def _parse(text: str) -> Iterator[Point]:
    for line in text.split('\n'):
        if line:
            moment, action, what, count = line.split()
            yield Point(moment, action, what, int(count))
