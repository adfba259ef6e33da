# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What is installed in an environment, and what pip left half-done there."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pins

#: Packages that share a folder, so that one overwrites the other.
_RIVALS = (
    ('mmcv', 'mmcv-lite', 'onedl-mmcv'),
    ('mmengine', 'onedl-mmengine'),
    ('mmdet', 'onedl-mmdetection'),
    ('mmpretrain', 'onedl-mmpretrain'),
    ('mmsegmentation', 'onedl-mmsegmentation'),
)


def versions(site_packages: Path) -> dict[str, str]:
    """Return what is installed.

    Args:
        site_packages (Path): The environment's folder of packages.

    Returns:
        dict[str, str]: Version without its local part, by package name.
    """
    infos = (path.stem.split('-') for path in site_packages.glob('*.dist-info'))
    return {pins.normalised(name): version.split('+')[0] for name, version in infos}


def rival(site_packages: Path, wanted: Mapping[str, str]) -> str | None:
    """Find a package that must go before a wanted one comes.

    Args:
        site_packages (Path): The environment's folder of packages.
        wanted (Mapping[str, str]): The pins of the stack.

    Returns:
        str, optional: The name of one, if there is any.
    """
    there = versions(site_packages)
    rivals = (name for group in _RIVALS for name in group if name not in wanted)
    return next((name for name in rivals if name in there), None)


def unfinished(site_packages: Path) -> Iterator[Path]:
    """Yield the metadata folders of packages that pip did not finish.

    pip replaces the wheel's own ``RECORD`` last, by one that lists ``INSTALLER``.

    Args:
        site_packages (Path): The environment's folder of packages.

    Yields:
        Path: Such a folder.
    """
    for info in site_packages.glob('*.dist-info'):
        record = info / 'RECORD'
        if not record.exists() or '/INSTALLER,' not in record.read_text():
            yield info


def has_pip(python: Path, env: Mapping[str, str]) -> bool:
    """Return whether an environment's Python and pip work and are of this version.

    Args:
        python (Path): Its Python.
        env (Mapping[str, str]): Environment variables.

    Returns:
        bool: Whether they do.
    """
    probe = 'import pip._internal.cli.main, sys; print(sys.version_info[:3])'
    try:
        command = [str(python), '-c', probe]
        out = subprocess.run(command, capture_output=True, text=True, env=env)
    except OSError:
        return False
    return out.stdout.strip() == str(sys.version_info[:3])


_PROBE = """\
import json, sys
from importlib.metadata import version
pins = json.loads(sys.argv[1])
found = {name: version(name).split('+')[0] for name in pins}
wrong = [f'{n} {found[n]} is not {v}' for n, v in pins.items() if found[n] != v]
if wrong:
    sys.exit('; '.join(wrong))
"""


def fault(
    python: Path, wanted: Mapping[str, str], ops: bool, env: Mapping[str, str]
) -> str | None:
    """Check an environment that should be finished.

    Args:
        python (Path): Its Python.
        wanted (Mapping[str, str]): All pins.
        ops (bool): Whether mmcv has its ops.
        env (Mapping[str, str]): Environment variables.

    Returns:
        str, optional: What is wrong, None if nothing is.
    """
    probe = f'{_PROBE}import {"mmcv.ops" if ops else "mmcv"}\n'
    command = [str(python), '-c', probe, json.dumps(wanted)]
    out = subprocess.run(command, capture_output=True, text=True, env=env)
    if not out.returncode:
        return None
    return (out.stderr.strip().splitlines() or ['no message'])[-1]
