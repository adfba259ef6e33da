# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""How a command-line tool ends: with one line of explanation, and the right status."""

import errno
import io
import os
import re
import shlex
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Callable, NoReturn, Optional

from dynkd.compat import CheckpointError

from .console import silence_known_warnings
from .errors import NonFiniteError

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
#: Seconds after which a process that was asked to stop asks itself again.
_AGAIN = 1.0
#: Errors because of which a file cannot be written.
_UNWRITABLE = (
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
    errno.EEXIST,
    errno.EISDIR,
    errno.ENOTDIR,
)
#: Messages of gloo and NCCL in a process when another one has ended.
_ALONE = re.compile(
    r'Connection (?:closed|reset) by peer|gloo/transport|NCCL (?:error|communicator)'
    r'|socketProgress|Broken pipe'
)
#: Open files that have a name.
_FILES = (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom, io.FileIO)
#: Messages of torch where data-loading workers find no room for a batch.
_NO_SHARED_MEMORY = re.compile(
    r'out of shared memory|shared memory ?\(shm\).*No space left'
)
_SHARED_MEMORY = (
    'shared memory (/dev/shm) is full: data-loading workers hand batches over in it; '
    'make it larger (`docker run --shm-size=8g`), free it, or set `num_workers=0`'
)


class Stopped(KeyboardInterrupt):
    """The process was asked to stop.

    Args:
        number (int): The signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


Hint = Callable[[], str]


def run_tool(main: Callable[[], Optional[int]], hint: Optional[Hint] = None) -> None:
    """Run a tool.

    Ctrl-C and SIGTERM end it with one line, and with the status of a process that the
    signal has ended (130 and 143 in a shell). Checkpoints that cannot be used, files
    that cannot be written and numbers that are not finite end it with one line and
    status 1. Other errors are shown as they are.

    Args:
        main (Callable): The tool. What it returns, if anything, is the exit status.
        hint (Callable, optional): Returns what to do after it was stopped. Defaults to
            None: nothing is said about it.
    """
    _listen()
    silence_known_warnings()
    try:
        status = main()
    except Stopped as stopped:
        _end_by(stopped.number, hint)
    except Exception as error:
        line = in_one_line(error)
        if line is None:
            raise
        # What is cleared away after this cannot be cleared entirely, and would say so.
        sys.unraisablehook = lambda unraisable: None
        _say(line)
        _end(1)
    if status:
        raise SystemExit(status)


def resume_command(arguments: Sequence[str]) -> str:
    """The command that resumes a training.

    Args:
        arguments (sequence of str): The words of the command that began it.

    Returns:
        str: For a message.
    """
    words = list(arguments)
    if '--launcher' in words:
        return 'resume with the same command and --resume'
    if '--resume' in words:
        place = words.index('--resume')
        valued = len(words) > place + 1 and not words[place + 1].startswith('-')
        del words[place : place + 1 + valued]
    return f'resume with: {shlex.join(["python", *words, "--resume"])}'


def in_one_line(error: Exception) -> Optional[str]:
    """One line about an error that the user can correct.

    Args:
        error (Exception): The error.

    Returns:
        str, optional: A line; None if the error is of another kind.
    """
    if isinstance(error, (CheckpointError, NonFiniteError)):
        return str(error)
    if isinstance(error, FileNotFoundError) and error.errno is None:
        return str(error)
    if isinstance(error, OSError) and error.errno in _UNWRITABLE:
        return _unwritable(error)
    if any(_NO_SHARED_MEMORY.search(str(each)) for each in _chain(error)):
        return _SHARED_MEMORY
    if isinstance(error, RuntimeError) and _ALONE.search(str(error)):
        return (
            'another process of this run has ended; its own message says why '
            f'({str(error).splitlines()[0][:200]})'
        )
    return None


def _unwritable(error: OSError) -> str:
    """One line about what could not be written."""
    if error.filename:
        return f'{error.filename}: {error.strerror}'
    # What the system says of writing into an open file does not name it.
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    for frame in reversed(frames):
        if frame.f_globals.get('__name__') == 'multiprocessing.synchronize':
            return _SHARED_MEMORY
        for value in frame.f_locals.values():
            name = value.name if isinstance(value, _FILES) else None
            if isinstance(name, str):
                return f'{name}: {error.strerror}'
    return str(error.strerror)


def _chain(error: Optional[BaseException]) -> Iterator[BaseException]:
    """An error and those that it arose from."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _listen() -> None:
    """Make signals raise an exception, in this process only."""
    owner = os.getpid()
    asked: dict[str, int] = {}

    def stop(number: int, frame: Optional[FrameType]) -> None:
        if os.getpid() == owner:
            asked.setdefault('number', number)
            # Python drops exceptions in callbacks, as after a fork: ask again then.
            if hasattr(signal, 'setitimer'):
                signal.setitimer(signal.ITIMER_REAL, _AGAIN, _AGAIN)
            raise Stopped(asked['number'])
        # A process that was forked from this one, such as a data-loading worker.
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    for number in _SIGNALS:
        # What was started with `nohup` or in the background ignores Ctrl-C.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, stop)
    if hasattr(signal, 'setitimer'):
        signal.signal(signal.SIGALRM, stop)


def _end_by(number: int, hint: Optional[Hint]) -> NoReturn:
    """End as a process that does not handle the signal."""
    if hasattr(signal, 'setitimer'):
        signal.setitimer(signal.ITIMER_REAL, 0)
    for each in _SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    what = 'Ctrl-C' if number == signal.SIGINT else signal.Signals(number).name
    _say(f'stopped by {what}' + (f'; {hint()}' if hint is not None else ''))
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    raise AssertionError('the signal has ended the process')


def _say(line: str) -> None:
    """Print a line once, as the last one."""
    sys.stdout.flush()
    if os.environ.get('RANK', '0') == '0' or 'another process' in line:
        print(f'{Path(sys.argv[0]).name}: {line}', file=sys.stderr)
    sys.stderr.flush()


def _end(status: int) -> NoReturn:
    """End with a status."""
    distributed = sys.modules.get('torch.distributed')
    if distributed is not None and distributed.is_available():
        if distributed.is_initialized():
            # Gloo's threads may abort a process that ends in the ordinary way.
            os._exit(status)
    raise SystemExit(status)
