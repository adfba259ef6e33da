# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Write folders beside their place, so that what is in place is complete."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PARTIAL = '.partial-'
LEFTOVER_SECONDS = 3600


@contextmanager
def replacing(folder: Path, root: Path) -> Iterator[Path]:
    """Give a folder to write to, and move it to its place if the block ends well.

    Args:
        folder (Path): Its place; what is there is replaced.
        root (Path): A folder on the same file system, in which it is written.

    Yields:
        Path: The empty folder.
    """
    root.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=PARTIAL, dir=root))
    try:
        partial.chmod(0o755)
        yield partial
        if folder.exists():
            shutil.rmtree(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        os.replace(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def remove_leftovers(root: Path) -> None:
    """Remove what killed runs left behind; younger folders may be another's at work.

    Args:
        root (Path): The folder in which they wrote.
    """
    for partial in root.glob(f'{PARTIAL}*'):
        if time.time() - partial.stat().st_mtime > LEFTOVER_SECONDS:
            shutil.rmtree(partial, ignore_errors=True)


def link(source: Path, target: Path) -> None:
    """Give a file a second name, or copy it where that cannot be.

    Args:
        source (Path): The file.
        target (Path): The new name.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
