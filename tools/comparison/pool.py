# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Trainings side by side on this machine."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Callable

from launch import begin_anew, command, is_done, prepare, wait_for

from dynkd.utils.atomic import write_text

from .locking import lock
from .progress import Progress
from .seconds import add_seconds
from .trainings import Training

#: Seconds between two looks at the trainings.
LOOK_EVERY = 1.0


@dataclass
class _Running:
    """A training that runs."""

    training: Training
    device: str | None
    process: subprocess.Popen
    log: IO[str]
    lock: IO[bytes]
    begin: float = field(default_factory=time.time)


def devices_of(jobs: int | None) -> list[str | None]:
    """What trainings run on, side by side.

    Args:
        jobs (int, optional): How many run at a time. None: one for each GPU, or one.

    Returns:
        list[str or None]: The GPU of each, in the notation of
        ``CUDA_VISIBLE_DEVICES``; None is the CPU.
    """
    import torch

    visible = os.environ.get('CUDA_VISIBLE_DEVICES')
    count = torch.cuda.device_count()
    gpus: list[str | None] = [str(index) for index in range(count)]
    if visible and count:
        gpus = list(visible.split(',')[:count])
    if jobs is None:
        return gpus or [None]
    return [gpus[index % count] if gpus else None for index in range(jobs)]


def environment(device: str | None) -> dict[str, str]:
    """The environment of a training.

    Args:
        device (str, optional): Its GPU; None is the CPU, of which it has one thread.

    Returns:
        dict[str, str]: The environment.
    """
    if device is None:
        return {**os.environ, 'OMP_NUM_THREADS': '1', 'MKL_NUM_THREADS': '1'}
    return {**os.environ, 'CUDA_VISIBLE_DEVICES': device}


class Pool:
    """Runs trainings side by side, each when those that it starts from are done.

    A training that fails, or that another command trains already, leaves the others
    running; those that start from it are left out.

    Args:
        devices (list[str or None]): What they run on, see :func:`devices_of`.
        progress (Progress): What is told how it goes.
        finished (callable): Called with each training that ended well. A ``ValueError``
            or a missing file fails that training.
    """

    def __init__(
        self,
        devices: Sequence[str | None],
        progress: Progress,
        finished: Callable[[Training], None],
    ) -> None:
        self.free = list(devices)
        self.progress = progress
        self.finished = finished
        self.running: list[_Running] = []
        self.failed: dict[str, str] = {}

    def run(self, trainings: Sequence[Training]) -> dict[str, str]:
        """Run trainings.

        Args:
            trainings (sequence of Training): Those that are to run, in their order.

        Returns:
            dict[str, str]: Why trainings were not finished, by title.
        """
        waiting = list(trainings)
        try:
            while waiting or self.running:
                waiting = self._start_what_can(waiting)
                self.progress.show(
                    [(one.training, one.begin) for one in self.running], waiting
                )
                time.sleep(LOOK_EVERY)
                for one in [*self.running]:
                    if one.process.poll() is not None:
                        self._end(one)
        finally:
            self._stop()
        return self.failed

    def _start_what_can(self, waiting: list[Training]) -> list[Training]:
        """Start trainings as far as there is room. Returns those that still wait."""
        unfinished = {one.title for one in waiting}
        unfinished |= {one.training.title for one in self.running}
        left = []
        for training in waiting:
            needs = [need.title for need in training.needs.values()]
            broken = [title for title in needs if title in self.failed]
            if broken:
                reason = f'it starts from "{broken[0]}", which failed'
                self.failed[training.title] = reason
                self.progress.say(f'left out: {training.title}: {reason}')
            elif self.free and not any(title in unfinished for title in needs):
                self._start(training)
            else:
                left.append(training)
        return left

    def _start(self, training: Training) -> None:
        locked = lock(training.work_dir)
        if locked is None:
            self._fail(training, f'another command trains in {training.work_dir}')
            return
        try:
            options = training.all_options()
            if is_done(training.work_dir, training.key):
                # It is trained again because its checkpoint is gone: nothing to resume.
                begin_anew(training.work_dir, training.key)
            prepare(training.work_dir, training.key)
        except (ValueError, FileNotFoundError, FileExistsError) as error:
            locked.close()
            self._fail(training, str(error))
            return
        log = (training.work_dir / 'train.log').open('a')
        device = self.free.pop(0)
        process = subprocess.Popen(
            command(training.config, training.work_dir, options, training.row.trained),
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=training.root,
            env=environment(device),
            # Where this process is killed, the training still holds its lock.
            pass_fds=[locked.fileno()],
        )
        self.running.append(_Running(training, device, process, log, locked))
        self.progress.say(f'begins: {training.title}')

    def _fail(self, training: Training, reason: str, *more: str) -> None:
        """Note why a training was not finished."""
        self.failed[training.title] = reason
        self.progress.say('\n'.join([f'FAILED: {training.title}: {reason}', *more]))

    def _end(self, one: _Running) -> None:
        """Note how a training ended."""
        self._leave(one)
        training, log = one.training, Path(one.log.name)
        if one.process.returncode == 0:
            write_text(training.work_dir / 'done', training.key)
            try:
                self.finished(training)
            except (ValueError, FileNotFoundError) as error:
                self._fail(training, str(error))
            else:
                self.progress.say(f'done: {training.title}')
            return
        last = log.read_text(errors='replace').splitlines()[-15:]
        self._fail(training, f'see {log}', *last)

    def _leave(self, one: _Running) -> None:
        self.running.remove(one)
        self.free.append(one.device)
        one.log.close()
        add_seconds(one.training.work_dir, time.time() - one.begin)
        one.lock.close()

    def _stop(self) -> None:
        """After an interruption, let no training run on unseen."""
        for one in self.running:
            one.process.terminate()
        for one in [*self.running]:
            wait_for(one.process)
            self._leave(one)
