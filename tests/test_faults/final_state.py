# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What a training leaves, compared bit for bit."""

import logging
import re
from pathlib import Path
from typing import Any

import torch

from dynkd.compat import load_checkpoint_file

#: Parts of a checkpoint that are the same in every run.
PARTS = ('state_dict', 'optimizer', 'param_schedulers', 'stores')
_STAMPED = re.compile(r'\d{8}_\d{6}')


def differences(whole: Path, resumed: Path, processes: int) -> list[str]:
    """Where a resumed training is not what an uninterrupted one is.

    Args:
        whole (Path): Work directory of the uninterrupted training.
        resumed (Path): Work directory of the other one.
        processes (int): In how many processes both ran.

    Returns:
        list[str]: A line per difference; empty where there is none.
    """
    names = files(whole)
    found = [f'left or lost: {name}' for name in sorted(names ^ files(resumed))]
    for rank in range(processes):
        name = f'final.rank{rank}.pt'
        # Written by the recorder of these runs.
        ends = [
            torch.load(folder / name, weights_only=False) for folder in (whole, resumed)
        ]
        # Of the steps that were taken before the kill, the killed process knew.
        taken = ends[1]['losses']
        ends[0]['losses'] = {i: ends[0]['losses'].get(i) for i in taken}
        found += unequal(*ends, name)
    for name in sorted(names & files(resumed)):
        if name.endswith('.pth'):
            found += unequal(_parts(whole / name), _parts(resumed / name), name)
        elif name == 'student.py':
            # The run's own config names its folder.
            same = (whole / name).read_text() == (resumed / name).read_text()
            found += [] if same else [name]
    return found


def files(folder: Path) -> set[str]:
    """Names of what a training leaves beside its logs."""
    return {
        str(path.relative_to(folder))
        for path in folder.rglob('*')
        if path.suffix not in ('.log', '.pt')
        and not any(map(_STAMPED.fullmatch, path.relative_to(folder).parts))
    }


def _parts(path: Path) -> dict[str, Any]:
    """What is compared of a checkpoint."""
    logging.disable(logging.INFO)
    checkpoint = load_checkpoint_file(path)
    logging.disable(logging.NOTSET)
    found = {part: checkpoint[part] for part in PARTS if part in checkpoint}
    for store in found.get('stores', {}).values():
        # A random name.
        store.pop('id')
    return found


def unequal(a: Any, b: Any, place: str) -> list[str]:
    """Where two nested values are not equal bit for bit."""
    if isinstance(a, torch.Tensor):
        same = isinstance(b, torch.Tensor) and a.dtype == b.dtype and torch.equal(a, b)
        return [] if same else [place]
    if isinstance(a, dict):
        if not isinstance(b, dict) or a.keys() != b.keys():
            keys = set(a) ^ set(b) if isinstance(b, dict) else b
            return [f'{place}: {keys}']
        return [d for key in a for d in unequal(a[key], b[key], f'{place}.{key}')]
    if isinstance(a, (list, tuple)):
        if not isinstance(b, (list, tuple)) or len(a) != len(b):
            return [f'{place}: {a} and {b}']
        pairs = enumerate(zip(a, b))
        return [d for i, (x, y) in pairs for d in unequal(x, y, f'{place}[{i}]')]
    return [] if a == b else [f'{place}: {a} and {b}']
