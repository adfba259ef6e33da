# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Limits of what a checkpoint may hold: no cycles, and no more than its file's size."""

import pickle
from typing import Any

from .restricted_pickle import Permitted, Unfinished, UnpermittedError

#: Small files may ask for more than their size.
_SLACK = 2**20
_DEEPEST = 100
_MOST_VALUES = 10**8
#: Walking through a checkpoint takes time for every reference to a value, even if the
#: value is stored only once.
_CONTAINERS = (dict, list, tuple, set, frozenset)
_KEYS = (str, bytes, int, float, bool, type(None), tuple)


class Budget:
    """Bytes that a file may ask for beyond what is in it.

    An honest file contains every byte of its arrays; a file that asks for many copies
    of the same bytes does not.

    Args:
        size (int): The size of the file.
    """

    def __init__(self, size: int) -> None:
        self._left = size + _SLACK

    def spend(self, amount: int) -> None:
        """Take some of it.

        Args:
            amount (int): How much.

        Raises:
            UnpicklingError: If there is not as much left.
        """
        self._left -= amount
        if self._left < 0:
            raise pickle.UnpicklingError('what it holds is larger than the file')


def check_tree(root: Any) -> int:
    """Check that what was loaded is a tree of plain values, of a size to walk through.

    Args:
        root (Any): What was loaded.

    Returns:
        int: Number of values, each counted as often as a walk would meet it.

    Raises:
        UnpicklingError: If something holds itself, or is nested too deeply, or has too
            many values.
        UnpermittedError: If a class or a function is among them, or an object that was
            never finished.
    """
    counts: dict[int, int] = {}
    active: set[int] = set()
    stack: list[tuple[Any, bool]] = [(root, False)]
    while stack:
        value, done = stack.pop()
        key = id(value)
        if done:
            active.discard(key)
            children = (counts.get(id(child), 1) for child in _children(value))
            counts[key] = min(1 + sum(children), _MOST_VALUES + 1)
            continue
        if isinstance(value, (Permitted, Unfinished)):
            raise UnpermittedError(getattr(value, 'name', 'an unfinished object'))
        if not isinstance(value, _CONTAINERS) or key in counts:
            continue
        if key in active:
            raise pickle.UnpicklingError(f'a {type(value).__name__} in it holds itself')
        active.add(key)
        if len(active) > _DEEPEST:
            raise pickle.UnpicklingError(f'it is nested deeper than {_DEEPEST} levels')
        stack.append((value, True))
        stack.extend((child, False) for child in _children(value))
    count = counts.get(id(root), 1)
    if count > _MOST_VALUES:
        raise pickle.UnpicklingError(f'it expands to more than {_MOST_VALUES} values')
    return count


def _children(value: Any) -> list[Any]:
    """What a container holds."""
    if not isinstance(value, _CONTAINERS):
        return []
    if not isinstance(value, dict):
        return list(value)
    for key in dict.keys(value):
        if not isinstance(key, _KEYS):
            raise UnpermittedError(f'a {type(key).__name__} as a key')
    # Not `values`: a ConfigDict makes copies.
    held = list(dict.values(value))
    metadata = getattr(value, '__dict__', {}).get('_metadata')
    return held if metadata is None else [*held, metadata]
