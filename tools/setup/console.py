# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What the set-up shows: numbered steps, commands with a log file and a heartbeat."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path

TAIL_LINES = 15
_PROGRESS = re.compile(r'^\s*(Collecting \S+|Downloading \S+|Building \S+)')
# What pip says when it does not reach its index, or gets nothing from there.
_OFFLINE = re.compile(
    r'from versions: none|connection broken by|Max retries exceeded|Read timed out|'
    r'HTTP error [45]\d\d|IncompleteRead|Connection (?:reset|aborted|refused)'
)


class SetupError(Exception):
    """What is missing, in one line that says what would help.

    Attributes:
        status (int): The exit status of the set-up.
    """

    status = 1


class UnavailableError(SetupError):
    """What a machine lacks at a time and not by its kind: a download, or disk space."""

    status = os.EX_TEMPFAIL


def say(message: str) -> None:
    """Print a line at once, also when the output is piped.

    Args:
        message (str): The line.
    """
    print(message, flush=True)


def tail(log: Path, lines: int = TAIL_LINES) -> list[str]:
    """Return the last lines of a log.

    Args:
        log (Path): The file.
        lines (int): How many lines. Defaults to 15.

    Returns:
        list[str]: The lines without their line ends.
    """
    with log.open(errors='replace') as file:
        return [line.rstrip() for line in deque(file, lines)]


def progress(log: Path) -> str:
    """Return what a running pip did last, as its log tells.

    Args:
        log (Path): The log that the command writes.

    Returns:
        str: Such as ``Collecting scipy==1.17.1``, or nothing.
    """
    for line in reversed(tail(log, 40)):
        match = _PROGRESS.match(line)
        if match:
            return match.group(1)
    return ''


class Heartbeat:
    """Shows that a command is alive: a line that rewrites itself on a terminal, a new
    line every half minute elsewhere.

    Args:
        label (str): What the command does.
        done (Callable[[], str]): Tells what it has done.
    """

    def __init__(self, label: str, done: Callable[[], str]) -> None:
        self.label, self.done = label, done
        self.begin = self.last = time.monotonic()
        self.on_terminal = sys.stdout.isatty()

    def beat(self) -> None:
        """Show the elapsed time and the last thing done, if it is time to."""
        now = time.monotonic()
        if now - self.last < (1 if self.on_terminal else 30):
            return
        self.last = now
        minutes, seconds = divmod(int(now - self.begin), 60)
        text = f'      {minutes:2d}:{seconds:02d}  {self.label}  {self.done()}'
        if self.on_terminal:
            print(f'\r\033[K{text[:100]}', end='', flush=True)
        else:
            say(text)

    def end(self) -> None:
        """Clear the line that was rewritten."""
        if self.on_terminal:
            print('\r\033[K', end='', flush=True)


def _stop(process: subprocess.Popen) -> None:
    """Stop a command and all that it started (compilers outlive pip otherwise)."""
    for sign, patience in ((signal.SIGTERM, 5), (signal.SIGKILL, 5)):
        try:
            os.killpg(process.pid, sign)
            process.wait(patience)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def _start(
    command: list[str], log: Path, env: dict[str, str], keep_open: tuple[int, ...]
) -> subprocess.Popen:
    """Start a command in a session of its own, with its output in a log file."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open('wb') as file:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            env=env,
            pass_fds=keep_open,
            start_new_session=True,
        )


class Background:
    """A command that runs beside others, and may fail.

    Args:
        command (list[str]): Program and arguments.
        log (Path): File that takes the output; a former one is replaced.
        env (dict[str, str]): Its environment variables.
        keep_open (tuple[int, ...]): File descriptors of locks that it holds too.
    """

    def __init__(
        self,
        command: list[str],
        log: Path,
        env: dict[str, str],
        keep_open: tuple[int, ...] = (),
    ) -> None:
        self.process = _start(command, log, env, keep_open)

    def wait(self) -> None:
        """Wait for its end, successful or not."""
        self.process.wait()

    def stop(self) -> None:
        """Stop it, if it still runs."""
        if self.process.poll() is None:
            _stop(self.process)


def run_logged(
    command: list[str],
    log: Path,
    label: str,
    env: dict[str, str],
    keep_open: tuple[int, ...] = (),
    done: Callable[[], str] | None = None,
) -> None:
    """Run a command with its output in a log file, and show that it is alive.

    Args:
        command (list[str]): Program and arguments.
        log (Path): File that takes the output; a former one is replaced.
        label (str): What the command does, for the heartbeat and the error.
        env (dict[str, str]): Its environment variables.
        keep_open (tuple[int, ...]): File descriptors of locks that the command holds
            too, so that nobody gets them while it outlives a killed set-up.
        done (Callable[[], str], optional): Tells what the command has done, for the
            heartbeat. Defaults to what pip's log says.

    Raises:
        SetupError: The command failed; names the log and quotes its last lines.
        UnavailableError: It failed for a download or for disk space.
    """
    process = _start(command, log, env, keep_open)
    heartbeat = Heartbeat(label, done or partial(progress, log))
    try:
        while process.poll() is None:
            try:
                process.wait(0.5)
            except subprocess.TimeoutExpired:
                heartbeat.beat()
    finally:
        heartbeat.end()
        if process.poll() is None:
            _stop(process)
    if process.returncode:
        raise _failure(label, log, process.returncode)


def _failure(label: str, log: Path, code: int) -> SetupError:
    """Word the failure of a command, with the end of its log."""
    said = '\n'.join(tail(log, 200))
    if 'No space left on device' in said:
        return UnavailableError(f'{label} failed: no disk space is left (log: {log})')
    quoted = '\n'.join(f'    | {line}' for line in tail(log))
    ends = f'log: {log}, which ends with\n{quoted}'
    if _OFFLINE.search(said):
        return UnavailableError(
            f'{label} failed: something cannot be downloaded; {ends}'
        )
    return SetupError(f'{label} failed with status {code}; {ends}')
