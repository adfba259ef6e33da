# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What the pinned environment needs from the machine, and how to say it is missing."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from console import SetupError, UnavailableError

#: Those that the pinned versions were run with.
PYTHONS = ((3, 11), (3, 12), (3, 13))
GIB = 1024**3
# Measured: 2.1 GiB with a CPU build of torch; CUDA builds bring about 4 GiB more.
ENVIRONMENT_GIB = 6.0
# A finished environment of that size only needs room for upgrades.
MARGIN_GIB = 0.5
# Half of it is the precompiled header.
BUILD_GIB = 1.0

_PROBE = """\
#include <Python.h>
#include <vector>
#include <optional>
int dynkd_probe() { std::vector<int> v{1}; std::optional<int> o{v[0]}; return *o; }
"""


def check_python() -> None:
    """Check that this Python is one that the pinned versions were run with.

    Raises:
        SetupError: It is another version, or has no ``venv``.
    """
    own = '{}.{}'.format(*sys.version_info[:2])
    if sys.version_info[:2] not in PYTHONS:
        raise SetupError(
            'Python 3.11, 3.12 or 3.13 is needed for the pinned environment, but '
            f'{sys.executable} is {own}: name another with PYTHON=/path/to/python3.11'
        )
    for module in ('venv', 'ensurepip'):
        if importlib.util.find_spec(module) is None:
            raise SetupError(
                f'{sys.executable} has no module {module}: install it (Debian and '
                f'Ubuntu: apt install python{own}-venv)'
            )


def size_gib(folder: Path) -> float:
    """Return how much a folder holds.

    Args:
        folder (Path): The folder; it may be missing.

    Returns:
        float: Its size in GiB.
    """
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(parent, name)).st_size
            except FileNotFoundError:
                continue
    return total / GIB


def check_disk(folder: Path, needed: float, purpose: str) -> None:
    """Check that a file system has room.

    Args:
        folder (Path): Where it is needed; it is made if it is missing.
        needed (float): How much, in GiB.
        purpose (str): What for.

    Raises:
        SetupError: The folder cannot be written to.
        UnavailableError: There is less.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise SetupError(
            f'{folder} cannot be written to, for {purpose}: {error.strerror}'
        ) from error
    free = shutil.disk_usage(folder).free / GIB
    if free < needed:
        raise UnavailableError(
            f'not enough disk space for {purpose}: {needed:.1f} GiB are needed in '
            f'{folder}, {free:.1f} GiB are free'
        )


def compiler_variables() -> dict[str, str]:
    """Find a C++ compiler that can build a Python extension, by building one.

    Returns:
        dict[str, str]: ``CC`` and ``CXX`` for the build.

    Raises:
        SetupError: There is no compiler, it does not work, or Python's headers are
            missing.
    """
    cxx = _command('CXX', ('c++', 'g++', 'clang++'))
    if cxx is None:
        raise SetupError(
            'a C++ compiler is missing (mmcv is compiled once): install g++ or clang++ '
            '(Debian and Ubuntu: apt install build-essential), or set CXX'
        )
    headers = Path(sysconfig.get_paths()['include'])
    if not (headers / 'Python.h').exists():
        raise SetupError(
            f"Python's headers are missing ({headers / 'Python.h'}): install them "
            '(Debian and Ubuntu: apt install python{}.{}-dev)'.format(
                *sys.version_info[:2]
            )
        )
    _compile_probe(cxx, headers)
    # The link step of distutils starts with the C compiler; a C++ one will do.
    return {'CXX': cxx, 'CC': _command('CC', ('cc', 'gcc', 'clang')) or cxx}


def missing_compiler() -> SetupError | None:
    """Tell why mmcv's ops cannot be compiled here.

    Returns:
        SetupError, optional: What is missing, None if nothing is.
    """
    try:
        compiler_variables()
    except SetupError as error:
        return error
    return None


def _command(variable: str, names: tuple[str, ...]) -> str | None:
    """Return the program a variable names, else the first of the names there is."""
    chosen = os.environ.get(variable)
    if chosen:
        return chosen if shutil.which(chosen.split()[0]) else None
    return next((name for name in names if shutil.which(name)), None)


def _compile_probe(cxx: str, headers: Path) -> None:
    """Compile and link a small C++17 extension."""
    with tempfile.TemporaryDirectory(prefix='dynkd-probe-') as folder:
        source = Path(folder, 'probe.cpp')
        source.write_text(_PROBE)
        command = [*cxx.split(), '-std=c++17', '-shared', '-fPIC', f'-I{headers}']
        if sys.platform == 'darwin':
            command += ['-undefined', 'dynamic_lookup']
        result = subprocess.run(
            [*command, str(source), '-o', str(Path(folder, 'probe.so'))],
            capture_output=True,
            text=True,
        )
    if result.returncode:
        reason = (result.stderr.strip().splitlines() or ['no message'])[0]
        raise SetupError(
            f'the C++ compiler {cxx!r} cannot build a C++17 program: {reason}'
        )
