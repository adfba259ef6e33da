# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""One process trains in a work directory at a time."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import IO


def lock(work_dir: Path) -> IO[bytes] | None:
    """Lock a work directory.

    The lock is a file beside it, as the directory itself may be emptied. It lasts until
    the file is closed in this process and in those that it was handed to.

    Args:
        work_dir (Path): The directory, which may not be there yet.

    Returns:
        file or None: The locked file; None if another process has locked it.
    """
    work_dir.parent.mkdir(parents=True, exist_ok=True)
    file = (work_dir.parent / f'.{work_dir.name}.lock').open('ab')
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file
