# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Small files that several processes read and write."""

from __future__ import annotations

import math
import os
import uuid
from pathlib import Path


def write_whole(file: Path, text: str) -> None:
    """Write a file, so that a reader never sees half of it.

    Args:
        file (Path): The file, which may be there already.
        text (str): What it is to hold.

    Raises:
        OSError: If it cannot be written. What it held before is still there.
    """
    # Jobs on several machines may write the same file: each under a name of its own.
    partial = file.with_name(f'.{uuid.uuid4().hex}.partial')
    try:
        partial.write_text(text)
        os.replace(partial, file)
    finally:
        partial.unlink(missing_ok=True)


def seconds_of(work_dir: Path) -> float:
    """How long the parts of a training took so far.

    Args:
        work_dir (Path): The work directory of the training.

    Returns:
        float: Seconds; 0 where that was not noted, or can no longer be read, which no
        training has to be repeated for.
    """
    try:
        seconds = float((work_dir / 'seconds').read_text())
    except (FileNotFoundError, ValueError):
        return 0.0
    return seconds if math.isfinite(seconds) else 0.0


def add_seconds(work_dir: Path, seconds: float) -> None:
    """Note how long a part of a training took.

    Args:
        work_dir (Path): The work directory of the training.
        seconds (float): How long it took.
    """
    write_whole(work_dir / 'seconds', str(seconds_of(work_dir) + seconds))
