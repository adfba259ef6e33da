# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""How long trainings took, over all their parts."""

from __future__ import annotations

import math
from pathlib import Path

from dynkd.utils.atomic import write_text


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
    text = str(seconds_of(work_dir) + seconds)
    write_text(work_dir / 'seconds', text, shared=True)
