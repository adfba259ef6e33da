# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Small files that several processes read and write."""

from __future__ import annotations

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
