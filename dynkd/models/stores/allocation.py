# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Memory for rows: of one process, shared by the processes of a node, or in files."""

import errno
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from mmengine.dist import all_gather_object

from .locks import Claim
from .topology import Topology

_GIB, _BLOCK = 2**30, 4096
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_UNSUPPORTED = (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS)


def private_buffers(count: int, size: int) -> list[np.ndarray]:
    """Allocate memory of this process.

    Args:
        count (int): How many buffers.
        size (int): Bytes of each.

    Returns:
        list[np.ndarray]: Buffers of shape (size,), uint8.

    Raises:
        MemoryError: If there is less free memory.
    """
    free = _free_memory()
    if count * size > free:
        raise MemoryError(_no_space('memory', count * size, free))
    return [np.empty(size, np.uint8) for _ in range(count)]


def shared_buffers(count: int, size: int, topology: Topology) -> list[np.ndarray]:
    """Allocate memory that the processes of a node share.

    Its files are unlinked once all processes have mapped them, so that the memory is
    freed however the processes end. The next run unlinks those of processes that were
    killed meanwhile.

    Args:
        count (int): How many buffers.
        size (int): Bytes of each.
        topology (Topology): The processes.

    Returns:
        list[np.ndarray]: Buffers of shape (size,), uint8.

    Raises:
        OSError: If there is less free space, or the processes share no folder.
    """
    memory = Path('/dev/shm')
    folder = memory if memory.is_dir() else Path(tempfile.gettempdir())
    claim = topology.together(lambda: Claim.make(folder), leaders=True)
    own = [] if claim is None else claim.files(count)
    try:
        paths = all_gather_object(own)[topology.peers[0]]
        topology.together(lambda: allocate_files(paths, size), leaders=True)
        return topology.together(lambda: map_files(paths, size))
    finally:
        if claim is not None:
            claim.remove()


def allocate_files(paths: Sequence[Path], size: int) -> None:
    """Make files of a size, with their space on the disk reserved.

    A file that has the size keeps its content. Without the reservation, a full disk
    would kill the process when it writes into the mapped file.

    Args:
        paths (sequence of Path): The files, all in one folder.
        size (int): Bytes of each.

    Raises:
        OSError: If there is less free space; no new file is left then.
    """
    folder = paths[0].parent
    folder.mkdir(parents=True, exist_ok=True)
    missing = [p for p in paths if not p.is_file() or p.stat().st_size != size]
    for path in missing:
        path.unlink(missing_ok=True)
    # A file takes whole blocks.
    needed = len(missing) * -(-size // _BLOCK) * _BLOCK
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise OSError(errno.ENOSPC, _no_space(str(folder), needed, free))
    try:
        for path in missing:
            _reserve(path, size)
    except OSError as error:
        for path in missing:
            path.unlink(missing_ok=True)
        if error.errno not in _FULL:
            raise
        text = _no_space(str(folder), needed, shutil.disk_usage(folder).free)
        raise OSError(errno.ENOSPC, text) from error


def map_files(paths: Sequence[Path], size: int) -> list[np.ndarray]:
    """Map files into memory.

    Args:
        paths (sequence of Path): The files.
        size (int): Bytes of each.

    Returns:
        list[np.ndarray]: Buffers of shape (size,), uint8.

    Raises:
        FileNotFoundError: If the node's first process has made them elsewhere.
    """
    for path in paths:
        if not path.is_file():
            raise FileNotFoundError(
                f'the processes of a node share the store of past predictions, but '
                f'{path}, which the first of them made, is not there. Do they run in '
                'containers that do not share this folder, on one host name?'
            )
    return [np.memmap(path, np.uint8, 'r+', shape=(size,)) for path in paths]


def _reserve(path: Path, size: int) -> None:
    """Make a file and reserve its space, where the system can."""
    with path.open('w+b') as file:
        try:
            os.posix_fallocate(file.fileno(), 0, size)
        except AttributeError:
            # Not a system that has it; the file grows when it is written.
            file.truncate(size)
        except OSError as error:
            if error.errno not in _UNSUPPORTED:
                raise
            file.truncate(size)


def _free_memory() -> float:
    """Bytes of memory that a process can get, where the system tells."""
    try:
        lines = Path('/proc/meminfo').read_text().splitlines()
    except OSError:
        return float('inf')
    for line in lines:
        if line.startswith('MemAvailable:'):
            return int(line.split()[1]) * 1024
    return float('inf')


def _no_space(where: str, needed: float, free: float) -> str:
    """The message that space is missing, and what helps."""
    return (
        f'the store of past predictions needs {_readable(needed)} in {where}, '
        f'where {_readable(free)} are free. A smaller format helps '
        "(format='uint8' takes about a quarter of float32, format='topk' 4 k bytes per "
        'prediction), or another `path`, a folder on a disk with more space.'
    )


def _readable(size: float) -> str:
    """A number of bytes in the unit that shows it."""
    for unit, name in ((_GIB, 'GiB'), (2**20, 'MiB'), (2**10, 'KiB')):
        if size >= unit:
            return f'{size / unit:.2f} {name}'
    return f'{size:.0f} bytes'
