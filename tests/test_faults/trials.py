# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Trainings in forked processes, which are killed and resumed.

The parent has imported everything, so that a training begins at once.
"""

import os
import random
import runpy
import signal
import socket
import sys
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Optional

from kill_points import Point, arm

HERE = Path(__file__).resolve().parent
TRAIN = HERE.parents[1] / 'tools' / 'train.py'
#: Seconds until what a launcher would stop is stopped; and until a run counts as hung.
GRACE, MOST = 5.0, 600.0


@dataclass
class Training:
    """A training in one or more processes.

    Args:
        run (str): Name of its config.
        work_dir (Path): Its work directory.
        processes (int): How many.
        prepare (Callable): What a process does first, with its rank.
    """

    run: str
    work_dir: Path
    processes: int
    prepare: Callable[[int], None] = lambda rank: None
    #: Exit codes by rank; a negative one is a signal.
    status: dict[int, int] = field(default_factory=dict)
    #: Seconds of CPU time by rank.
    seconds: dict[int, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.work_dir.mkdir(parents=True, exist_ok=True)
        port = _free_port()
        sys.stdout.flush()
        self.pids = {r: self._fork(r, port) for r in range(self.processes)}

    def _fork(self, rank: int, port: int) -> int:
        """Start a process that trains as ``tools/train.py --resume`` does."""
        pid = os.fork()
        if pid:
            return pid
        status = 1
        try:
            log = os.open(self.log(rank), os.O_CREAT | os.O_WRONLY | os.O_APPEND)
            os.dup2(log, 1)
            os.dup2(log, 2)
            os.environ.update(self._environment(rank, port))
            self.prepare(rank)
            sys.argv = self._command()
            runpy.run_path(str(TRAIN), run_name='__main__')
            status = 0
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(bool(end.code))
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            os._exit(status)

    def _command(self) -> list[str]:
        config = HERE / 'configs' / f'{self.run}.py'
        command = [str(TRAIN), str(config), '--work-dir', str(self.work_dir)]
        command += ['--resume']
        if self.processes > 1:
            command += ['--launcher', 'pytorch', '--cfg-options']
            # Together a batch as large as that of one process.
            command += [f'train_dataloader.batch_size={8 // self.processes}']
        return command

    def _environment(self, rank: int, port: int) -> dict[str, str]:
        return dict(
            RANK=str(rank),
            LOCAL_RANK=str(rank),
            WORLD_SIZE=str(self.processes),
            MASTER_ADDR='127.0.0.1',
            MASTER_PORT=str(port),
            FAULTS_STORE=str(self.work_dir / 'store'),
        )

    def log(self, rank: int) -> Path:
        """What a process prints."""
        return self.work_dir / f'rank{rank}.log'

    def used(self, rank: int) -> float:
        """Seconds of CPU time that a process has used up to now."""
        # The clock of another process, as `clock_getcpuclockid` makes it.
        return time.clock_gettime((~self.pids[rank] << 3) | 2)

    def poll(self) -> bool:
        """Note which processes have ended; return whether all have."""
        for rank in self.pids.keys() - self.status.keys():
            pid, status, usage = os.wait4(self.pids[rank], os.WNOHANG)
            if pid:
                self.status[rank] = os.waitstatus_to_exitcode(status)
                self.seconds[rank] = usage.ru_utime + usage.ru_stime
        return len(self.status) == self.processes

    def kill(self, ranks: list[int], number: int = signal.SIGKILL) -> None:
        """Send a signal to those processes that run."""
        self.poll()
        for rank in set(ranks) - self.status.keys():
            os.kill(self.pids[rank], number)

    def wait(self) -> 'Training':
        """Wait for the end, and stop as a launcher does what outlives another."""
        begin, ended = time.monotonic(), None
        everyone = list(range(self.processes))
        while not self.poll():
            now = time.monotonic()
            if any(self.status.values()) and ended is None:
                ended = now
            if now - begin > MOST or (ended and now - ended > 2 * GRACE):
                self.kill(everyone)
            elif ended and now - ended > GRACE:
                self.kill(everyone, signal.SIGTERM)
            time.sleep(0.01)
        return self


def killed_at(
    run: str, work_dir: Path, processes: int, point: Point, rank: int
) -> Training:
    """A training one of whose processes kills itself at a point, if it comes to it."""

    def prepare(own: int) -> None:
        if own == rank:
            arm(point)

    return Training(run, work_dir, processes, prepare).wait()


def killed_after(
    run: str, work_dir: Path, processes: int, seconds: float, ranks: list[int]
) -> Optional[Training]:
    """A training that was killed after some CPU time; None if it has ended before."""
    training = Training(run, work_dir, processes)
    while training.used(ranks[0]) < seconds:
        if training.poll() or ranks[0] in training.status:
            training.wait()
            return None
        time.sleep(0.002)
    training.kill(ranks)
    training.wait()
    return training


def finished(run: str, work_dir: Path, processes: int, prepare=None) -> Training:
    """A training that has run to its end, resumed where there is what to resume."""
    prepare = prepare or (lambda rank: None)
    return Training(run, work_dir, processes, prepare).wait()


def complaints(training: Training) -> list[str]:
    """What is wrong with how a training ended."""
    if not any(training.status.values()):
        return []
    return [f'ended with {training.status}:\n{_tails(training)}']


def victims(processes: int, draw: random.Random) -> list[int]:
    """Which processes are killed: one of them, or all."""
    everyone = list(range(processes))
    return draw.choice([[rank] for rank in everyone] + [everyone])


def _tails(training: Training) -> str:
    texts = (training.log(rank) for rank in training.pids)
    return '\n'.join(log.read_text()[-1500:] for log in texts if log.exists())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]
