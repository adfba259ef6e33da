# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The mmcv wheel: built once with its ops, then kept outside the clone.

The wheel fits one Python and one torch version, which name its folder in the cache. It
is built in a temporary folder and moved into place when it is complete, so the cache
never holds half a wheel.
"""

from __future__ import annotations

import fcntl
import os
import shlex
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import machine
import mmcv_source
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


def find_wheel(folder: Path, name: str, version: str) -> Path | None:
    """Find a complete wheel for this machine.

    Args:
        folder (Path): The cache folder.
        name (str): The distribution that has the ops: ``mmcv`` or ``onedl-mmcv``.
        version (str): Its version.

    Returns:
        Path, optional: The wheel, if there is one.
    """
    tag = 'cp{}{}'.format(*sys.version_info[:2])
    stem = f'{name.replace("-", "_")}-{version}-{tag}-{tag}'
    for wheel in sorted(folder.glob(f'{stem}-*_{os.uname().machine}.whl')):
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


def ensure_wheel(
    python: Path, torch_version: str, name: str, version: str, env: dict
) -> Path:
    """Return the wheel with mmcv's ops, building it if the cache has none.

    Args:
        python (Path): Python of an environment that holds torch and the build tools.
        torch_version (str): Its torch version.
        name (str): The distribution: ``mmcv`` or ``onedl-mmcv``.
        version (str): Its version.
        env (dict[str, str]): Environment variables for pip.

    Returns:
        Path: The wheel in the cache.

    Raises:
        SetupError: It cannot be built.
    """
    folder = wheel_folder(torch_version)
    wheel = find_wheel(folder, name, version)
    if wheel is not None:
        say(f'      found {wheel}')
        return wheel
    with locked(folder / '.lock', f'the mmcv wheel in {folder}') as lock:
        wheel = find_wheel(folder, name, version)
        if wheel is None:
            wheel = _Build(python, folder, name, version, env, lock).run()
        return wheel


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


class _Build:
    """Build the wheel beside its place in the cache and move it there."""

    def __init__(
        self, python: Path, folder: Path, name: str, version: str, env: dict, lock: int
    ) -> None:
        self.python, self.folder, self.lock = python, folder, lock
        self.name, self.version = name, version
        self.env = {**env, **machine.compiler_variables(), 'MMCV_WITH_OPS': '1'}
        # The ops are for the CPU: mmcv 2.1.0's CUDA sources are older than this torch.
        # A visible GPU would make mmcv compile them.
        self.env.update(FORCE_CUDA='0', CUDA_VISIBLE_DEVICES='')
        self.env.setdefault('MAX_JOBS', str(jobs()))
        self.logs = cache_root() / 'logs'
        self.log = self.logs / f'{name}-{version}-{folder.name}.log'

    def run(self) -> Path:
        """Build it, and leave nothing but the wheel."""
        machine.check_disk(self.folder, machine.BUILD_GIB, 'building mmcv')
        # Of builds that were killed: we hold the lock.
        for stale in self.folder.glob('.build-*'):
            shutil.rmtree(stale, ignore_errors=True)
        place = Path(tempfile.mkdtemp(prefix='.build-', dir=self.folder))
        self.env['TMPDIR'] = str(place)
        try:
            self._compile(self._sources(place), place)
            built = find_wheel(place, self.name, self.version)
            if built is None:
                raise SetupError(
                    f'building mmcv left no wheel for this machine; log: {self.log}'
                )
            target = self.folder / built.name
            os.replace(built, target)
            return target
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def _sources(self, place: Path) -> Path:
        """Download the sources and unpack them."""
        fetch = Path(__file__).with_name('fetch_sources.py')
        wanted = f'{self.name}=={self.version}'
        command = [str(self.python), str(fetch), str(place), wanted]
        log = self.logs / f'{self.name}-{self.version}-sources.log'
        run_logged(command, log, 'downloading mmcv', self.env, (self.lock,))
        archives = sorted(place.glob('*.tar.gz'))
        if not archives:
            raise SetupError(f'there are no sources of mmcv; log: {log}')
        return mmcv_source.unpack(archives[0])

    def _compile(self, source: Path, place: Path) -> None:
        """Compile the sources, with a precompiled header if the compiler has such."""
        log = self.log.with_suffix('.header.log')
        compiler = mmcv_source.Compiler(self.python, source, self.env, log, self.lock)
        standard = compiler.set_standard()
        say('      compiling mmcv with its ops, once')
        header = compiler.precompile(standard)
        minutes = 3 if header else 9
        say(f'      about {minutes} minutes on 2 cores; log: {self.log}')
        flags = shlex.join([*compiler.flags, *header])
        command = [str(self.python), '-m', 'pip', 'wheel', '-v', '--no-cache-dir']
        command += ['--no-build-isolation', '--no-deps', '--wheel-dir', str(place)]
        env = {**self.env, 'CFLAGS': flags}
        done = partial(compiled, place)
        label = 'building mmcv'
        run_logged([*command, str(source)], self.log, label, env, (self.lock,), done)
