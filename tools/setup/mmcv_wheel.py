# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The mmcv wheel: built once with its ops, then kept outside the clone.

The wheel fits one Python and one torch version, which name its folder in the cache. It
is built in a temporary folder and moved into place when it is complete, so the cache
never holds half a wheel.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import machine
from console import SetupError, run_logged, say

# A compiler of mmcv's heaviest files takes up to this much memory.
JOB_GIB = 1.5


def cache_root() -> Path:
    """Return the folder that DynKD keeps things in between clones.

    Returns:
        Path: ``$DYNKD_CACHE``, else ``dynkd`` in ``$XDG_CACHE_HOME`` or ``~/.cache``.
    """
    if os.environ.get('DYNKD_CACHE'):
        return Path(os.environ['DYNKD_CACHE']).expanduser().absolute()
    base = os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache'
    return Path(base).absolute() / 'dynkd'


def wheel_folder(torch_version: str) -> Path:
    """Return the cache folder for this Python and a torch version.

    Args:
        torch_version (str): The version without its local part (``+cpu``): mmcv's CPU
            ops are the same for all builds of it.

    Returns:
        Path: Such as ``~/.cache/dynkd/wheels/py311-torch2.13.0``.
    """
    major, minor = sys.version_info[:2]
    return cache_root() / 'wheels' / f'py{major}{minor}-torch{torch_version}'


def find_wheel(folder: Path, version: str) -> Path | None:
    """Find a complete wheel for this machine.

    Args:
        folder (Path): The cache folder.
        version (str): mmcv's version.

    Returns:
        Path, optional: The wheel, if there is one.
    """
    tag = 'cp{}{}'.format(*sys.version_info[:2])
    suffix = f'_{os.uname().machine}.whl'
    for wheel in sorted(folder.glob(f'mmcv-{version}-{tag}-{tag}-*{suffix}')):
        if zipfile.is_zipfile(wheel):
            return wheel
        say(f'      {wheel} is damaged and will be replaced')
    return None


@contextmanager
def locked(path: Path, what: str) -> Iterator[int]:
    """Hold a lock file; the system frees it when its holders end, killed or not.

    Args:
        path (Path): The lock file.
        what (str): What it guards, to tell why one waits.

    Yields:
        int: The file descriptor, for commands that must hold it too.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open('w') as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f'      waiting for another process that works on {what} ...')
            fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()


def jobs() -> int:
    """Return how many compilers fit into the processors and the memory.

    Returns:
        int: At least 1.
    """
    memory = os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / machine.GIB
    return max(1, min(len(os.sched_getaffinity(0)), int(memory / JOB_GIB)))


def ensure_wheel(python: Path, torch_version: str, version: str, env: dict) -> Path:
    """Return the mmcv wheel, building it if the cache has none.

    Args:
        python (Path): Python of an environment that holds torch and the build tools.
        torch_version (str): Its torch version.
        version (str): mmcv's version.
        env (dict[str, str]): Environment variables for pip.

    Returns:
        Path: The wheel in the cache.

    Raises:
        SetupError: It cannot be built.
    """
    folder = wheel_folder(torch_version)
    wheel = find_wheel(folder, version)
    if wheel is not None:
        say(f'      found {wheel}')
        return wheel
    with locked(folder / '.lock', f'the mmcv wheel in {folder}') as lock:
        wheel = find_wheel(folder, version)
        return wheel or _build(python, folder, version, env, lock)


def compiled(place: Path) -> str:
    """Return how far a build is.

    Args:
        place (Path): Folder that it works in.

    Returns:
        str: Such as ``12 of 88 files``; nothing before the first is compiled.
    """
    plans = list(place.rglob('build.ninja'))
    total = sum(text.count('.o: compile') for text in map(Path.read_text, plans))
    done = sum(1 for _ in place.rglob('*.o'))
    return f'{done} of {total} files' if total else ''


def _build(python: Path, folder: Path, version: str, env: dict, lock: int) -> Path:
    """Build the wheel beside its place and move it there."""
    env = {**env, **machine.compiler_variables(), 'MMCV_WITH_OPS': '1'}
    # The ops are for the CPU: mmcv 2.1.0's CUDA sources are older than this torch.
    # A visible GPU would make mmcv compile them.
    env.update(FORCE_CUDA='0', CUDA_VISIBLE_DEVICES='')
    env.setdefault('MAX_JOBS', str(jobs()))
    machine.check_disk(folder, machine.BUILD_GIB, 'building mmcv')
    for stale in folder.glob(
        '.build-*'
    ):  # of builds that were killed: we hold the lock
        shutil.rmtree(stale, ignore_errors=True)
    log = cache_root() / 'logs' / f'mmcv-{version}-{folder.name}.log'
    say('      compiling mmcv with its ops, once: about 9 minutes on 2 cores')
    say(f'      log: {log}')
    place = Path(tempfile.mkdtemp(prefix='.build-', dir=folder))
    try:
        command = [str(python), '-m', 'pip', 'wheel', '-v', '--no-cache-dir']
        command += ['--no-build-isolation', '--no-deps', '--no-binary', 'mmcv']
        command += ['--wheel-dir', str(place), f'mmcv=={version}']
        env['TMPDIR'] = str(place)
        done = partial(compiled, place)
        run_logged(command, log, 'building mmcv', env, (lock,), done)
        built = find_wheel(place, version)
        if built is None:
            raise SetupError(
                f'building mmcv left no wheel for this machine; log: {log}'
            )
        target = folder / built.name
        os.replace(built, target)
        return target
    finally:
        shutil.rmtree(place, ignore_errors=True)
