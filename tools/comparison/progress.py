# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""How far the trainings of a comparison are, and how long they will take."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from .trainings import Training

#: Seconds between two lines on a terminal, where nothing happens.
EVERY = 30.0
_EPOCH = re.compile(rb'Epoch\(train\)\s*\[(\d+)\]\s*\[\s*(\d+)/(\d+)\]')
#: So much of the end of a log is read.
_TAIL = 20_000


class Progress:
    """Shows how far all trainings are.

    Args:
        total (int): How many trainings there are, those included that were done before.
        done (int): How many were done before.
        slots (int): How many run side by side.
        known (dict[str, float]): Seconds that an epoch took before, by row.
    """

    def __init__(
        self, total: int, done: int, slots: int, known: Mapping[str, float]
    ) -> None:
        self.total = total
        self.done = done
        self.slots = slots
        self.pace = dict(known)
        self._first: dict[str, tuple[float, float]] = {}
        self._shown = 0.0

    def say(self, text: str) -> None:
        """Print that something happened.

        Args:
            text (str): What.
        """
        self.done += text.startswith('done:')
        self._shown = 0.0
        print(f'{time.strftime("%H:%M:%S")}  {text}', flush=True)

    def show(
        self, running: Sequence[tuple[Training, float]], waiting: Sequence[Training]
    ) -> None:
        """Print how far all are, unless that was printed a moment ago.

        Args:
            running (sequence of tuple): The trainings that run, and when each began.
            waiting (sequence of Training): Those that wait.
        """
        if not running or time.time() - self._shown < EVERY:
            return
        epochs = [epochs_done(training.work_dir) for training, _ in running]
        for (training, begin), epoch in zip(running, epochs):
            self._measure(training, begin, epoch)
        shown = ', '.join(
            f'{training.title} ({epoch:.1f}/{training.epochs} epochs)'
            for (training, _), epoch in zip(running, epochs)
        )
        left = self.seconds_left(
            [(training, epoch) for (training, _), epoch in zip(running, epochs)]
            + [(training, 0.0) for training in waiting]
        )
        self.say(
            f'{self.done} of {self.total} done; running: {shown}; {len(waiting)} '
            f'waiting; {duration(left)} left'
        )
        self._shown = time.time()

    def _measure(self, training: Training, begin: float, epoch: float) -> None:
        """Measure a row's pace from when this part of a training was first seen."""
        now = time.time()
        first, seen = self._first.setdefault(
            f'{training.title} {begin}', (epoch, begin if epoch < 1 else now)
        )
        if epoch - first >= 0.2:
            self.pace[training.row.name] = (now - seen) / (epoch - first)

    def seconds_left(self, unfinished: Sequence[tuple[Training, float]]) -> float:
        """Estimate how long the rest will take.

        Args:
            unfinished (sequence of tuple): Trainings, and the epochs behind each.

        Returns:
            float: Seconds; NaN if no pace is known yet. A row that has not run yet is
            taken to be as fast as the others on average.
        """
        if not self.pace:
            return float('nan')
        mean = sum(self.pace.values()) / len(self.pace)
        work = [
            self.pace.get(training.row.name, mean) * max(training.epochs - epoch, 0)
            for training, epoch in unfinished
        ]
        # No training is faster than alone.
        return max(sum(work) / self.slots, max(work, default=0.0))


def epochs_done(work_dir: Path) -> float:
    """How many epochs a training has behind it, by its log.

    Args:
        work_dir (Path): Its work directory.

    Returns:
        float: The epochs.
    """
    log = work_dir / 'train.log'
    if not log.is_file():
        return 0.0
    with log.open('rb') as file:
        file.seek(max(log.stat().st_size - _TAIL, 0))
        found = _EPOCH.findall(file.read())
    if not found:
        return 0.0
    epoch, batch, batches = map(int, found[-1])
    return epoch - 1 + batch / batches


def duration(seconds: float) -> str:
    """Write a duration.

    Args:
        seconds (float): Its seconds.

    Returns:
        str: Hours and minutes.
    """
    if seconds != seconds:
        return 'an unknown time'
    minutes = max(round(seconds / 60), 1)
    return (
        f'{minutes // 60} h {minutes % 60:02} min'
        if minutes >= 60
        else f'{minutes} min'
    )
