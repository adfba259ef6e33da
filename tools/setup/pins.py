# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The pinned versions: one set for all Pythons, with the libraries of either stack."""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PINNED = ROOT / 'requirements' / 'pinned'
#: Who released the libraries, and what their mmcv is called: OpenMMLab, or OneDL, who
#: maintain it since. Import names are the same, so one environment holds one of them.
STACKS = {'openmmlab': 'mmcv', 'onedl': 'onedl-mmcv'}
#: mmcv without its ops: nothing to compile.
LITE = 'mmcv-lite'
_PIN = re.compile(
    r'([\w.-]+)==([\w.]+)(?:; python_version (<|>=) "3\.(\d+)")?', re.ASCII
)


def normalised(name: str) -> str:
    """Return a package's name as the index writes it.

    Args:
        name (str): Such as ``importlib_metadata``.

    Returns:
        str: Such as ``importlib-metadata``.
    """
    return re.sub(r'[-_.]+', '-', name).lower()


def read_pins(name: str) -> dict[str, str]:
    """Read a file of pinned versions, for this Python.

    Args:
        name (str): Its name in ``requirements/pinned``.

    Returns:
        dict[str, str]: Version by package name, normalised as the index does.

    Raises:
        ValueError: A line is no pin, or asks for something else than the Python.
    """
    pins = {}
    for line in (PINNED / name).read_text().splitlines():
        line = line.split('#')[0].strip()
        if not line:
            continue
        match = _PIN.fullmatch(line)
        if match is None:
            raise ValueError(f'{name}: {line!r} is not a pin like name==1.0')
        package, version, sign, minor = match.groups()
        older = minor is not None and sys.version_info[:2] < (3, int(minor))
        if sign is None or older == (sign == '<'):
            pins[normalised(package)] = version
    return pins


def stack_pins(stack: str, ops: bool = True) -> dict[str, str]:
    """Return the pins of a stack's libraries.

    Args:
        stack (str): One of :data:`STACKS`.
        ops (bool): Whether mmcv is the one with ops. Defaults to True.

    Returns:
        dict[str, str]: Version by package name.
    """
    pins = read_pins(f'{stack}.txt')
    if not ops:
        pins[LITE] = pins.pop(STACKS[stack])
    return pins


def all_pins(stack: str, ops: bool = True) -> dict[str, str]:
    """Return everything that an environment holds.

    Args:
        stack (str): One of :data:`STACKS`.
        ops (bool): Whether mmcv is the one with ops. Defaults to True.

    Returns:
        dict[str, str]: Version by package name.
    """
    pins = stack_pins(stack, ops)
    for name in ('build.txt', 'torch.txt', 'packages.txt'):
        pins.update(read_pins(name))
    return pins
