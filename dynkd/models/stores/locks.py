# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Files that belong to a run for as long as it lives."""

import errno
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import IO

try:
    import fcntl
except ImportError:  # Not on Windows, where two runs are not kept apart.
    fcntl = None  # type: ignore[assignment]  # asked for where it is used

_HELD = (errno.EACCES, errno.EAGAIN)
_PREFIX = 'dynkd-'


def lock_file(path: Path) -> IO:
    """Lock a file for as long as this process lives and keeps it open.

    Args:
        path (Path): The file.

    Returns:
        IO: The open file.

    Raises:
        OSError: If another process holds it.
    """
    file = path.open('w')
    if fcntl is None:
        return file
    try:
        # Record locks are not inherited by the workers of data loaders, which may
        # outlive a killed process for a while.
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        if error.errno in _HELD:
            raise OSError(
                error.errno,
                f'another run keeps its store of past predictions in {path.parent}. '
                'Give each run a `path` of its own.',
            ) from error
        raise
    return file


@dataclass(frozen=True)
class Claim:
    """A name for files of this process, which the next run removes if it is killed.

    Args:
        path (Path): A locked file.
        lock (IO): The same, opened.
    """

    path: Path
    lock: IO

    @classmethod
    def make(cls, folder: Path) -> 'Claim':
        """Find an unused name, and remove the files of runs that were killed.

        Args:
            folder (Path): The folder of the files.

        Returns:
            Claim: The claim.

        Raises:
            OSError: If the folder cannot be written.
        """
        _remove_orphans(folder)
        while True:
            path = folder / f'{_PREFIX}{uuid.uuid4().hex}.lock'
            try:
                lock = lock_file(path)
            except OSError as error:
                # Another run may take it for one that was left, before it is locked.
                if error.__cause__ is None:
                    raise
                continue
            if path.exists():
                return cls(path, lock)
            lock.close()

    def files(self, count: int) -> list[Path]:
        """Names of files.

        Args:
            count (int): How many.

        Returns:
            list[Path]: The paths.
        """
        return [self.path.with_name(f'{self.path.stem}-{i}') for i in range(count)]

    def remove(self) -> None:
        """Remove the files, and give up the name."""
        for file in (*self.path.parent.glob(f'{self.path.stem}-*'), self.path):
            file.unlink(missing_ok=True)
        self.lock.close()


def _remove_orphans(folder: Path) -> None:
    """Remove the files of runs that were killed before they could."""
    if fcntl is None:
        return
    for path in folder.glob(f'{_PREFIX}*.lock'):
        try:
            Claim(path, lock_file(path)).remove()
        except OSError:
            # The files of a run that lives, or of another user.
            continue
