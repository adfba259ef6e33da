# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Files that are replaced as a whole: an interruption leaves the old or the new one."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Optional, Union

from mmengine.fileio import LocalBackend, register_backend

#: What a file is called while it is written.
PARTIAL = '.partial'


@contextmanager
def replacing(path: Union[str, Path], shared: bool = False) -> Iterator[BinaryIO]:
    """Write a file under a temporary name, flush it to disk, and rename it.

    Args:
        path (str | Path): The file.
        shared (bool): Whether several processes, of any machine, may write it at a
            time; what a killed one leaves then has another name each time. Defaults to
            False.

    Yields:
        BinaryIO: What to write into.

    Raises:
        OSError: If it cannot be written. The message names the file; the previous file
            is still there, and no temporary file is left.
    """
    path = Path(path)
    own = f'.{uuid.uuid4().hex}' if shared else ''
    partial = path.with_name(f'{path.name}{own}{PARTIAL}')
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open('wb') as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
        _sync(path.parent)
    except BaseException as error:
        _remove(partial)
        cause = _system_error(error)
        if cause is not None:
            # What the system says of writing names no file.
            raise OSError(cause.errno, cause.strerror, str(path)) from error
        raise


def write_text(path: Union[str, Path], text: str, shared: bool = False) -> None:
    """Write a text file, in UTF-8, as a whole.

    Args:
        path (str | Path): The file; one that is there is replaced.
        text (str): Its content.
        shared (bool): As of :func:`replacing`. Defaults to False.

    Raises:
        OSError: If it cannot be written. The message names the file.
    """
    with replacing(path, shared) as file:
        file.write(text.encode())


def _system_error(error: Optional[BaseException]) -> Optional[OSError]:
    """The system's error, which torch wraps in another one."""
    while error is not None and not (isinstance(error, OSError) and error.errno):
        error = error.__cause__ or error.__context__
    return error


def _remove(path: Path) -> None:
    """Remove a file, if it exists."""
    try:
        path.unlink()
    except OSError:
        pass


def _sync(folder: Path) -> None:
    """Flush a folder's entries to disk, where the system can."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        pass
    finally:
        os.close(handle)


@register_backend('dynkd')
class AtomicBackend(LocalBackend):
    """Local files that are replaced as a whole: ``backend_args=dict(backend='dynkd')``.

    If writing is interrupted, the previous file is still there.
    """

    def put(self, obj: bytes, filepath: Union[str, Path]) -> None:
        """Write a file.

        Args:
            obj (bytes): Its content.
            filepath (str | Path): The file.

        Raises:
            OSError: If it cannot be written. The message names the file.
        """
        with replacing(filepath) as file:
            file.write(obj)

    def put_text(
        self, obj: str, filepath: Union[str, Path], encoding: str = 'utf-8'
    ) -> None:
        """Write a text file.

        Args:
            obj (str): Its content.
            filepath (str | Path): The file.
            encoding (str): Its encoding. Defaults to 'utf-8'.

        Raises:
            OSError: If it cannot be written. The message names the file.
        """
        self.put(obj.encode(encoding), filepath)
