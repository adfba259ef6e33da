# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Configs as text that a person reads."""

from collections.abc import Mapping
from typing import Any

#: Columns of a line.
_WIDTH = 88


class Base:
    """What the config takes from its base: ``_base_.model``.

    Args:
        name (str): The name in the base.
        star (bool): Whether its items are meant: ``*_base_.custom_hooks``. Defaults to
            False.
    """

    def __init__(self, name: str, star: bool = False) -> None:
        self.name = name
        self.star = star

    def __repr__(self) -> str:
        return f'{"*" if self.star else ""}_base_.{self.name}'


def assignment(name: str, value: Any) -> str:
    """A line, or several, of a config.

    Args:
        name (str): The name of the field.
        value (Any): Its value: dicts, lists, tuples, plain values and :class:`Base`.

    Returns:
        str: The text.
    """
    return f'{name} = {_show(value, 0, len(name) + 3)}'


def _show(value: Any, depth: int, before: int) -> str:
    """A value as Python text, on one line where it fits."""
    line = _inline(value)
    if len(line) + before + 4 * depth <= _WIDTH:
        return line
    if isinstance(value, Mapping) and value:
        if not _is_keywords(value):
            return _block('{', '}', value, depth, lambda key: f'{key!r}: ')
        return _block('dict(', ')', value, depth, lambda key: f'{key}=')
    if isinstance(value, (list, tuple)) and value:
        items = dict(enumerate(value))
        ends = '[]' if isinstance(value, list) else '()'
        return _block(ends[0], ends[1], items, depth, lambda key: '')
    return line


def _block(start: str, end: str, items: Mapping, depth: int, word: Any) -> str:
    """Items below one another."""
    inner = '    ' * (depth + 1)
    lines = [
        f'{inner}{word(key)}{_show(item, depth + 1, len(word(key)) + 1)},'
        for key, item in items.items()
    ]
    return '\n'.join([start, *lines, '    ' * depth + end])


def _inline(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, Mapping):
        pairs = [(key, _inline(item)) for key, item in value.items()]
        if _is_keywords(value):
            return f'dict({", ".join(f"{key}={item}" for key, item in pairs)})'
        return '{' + ', '.join(f'{key!r}: {item}' for key, item in pairs) + '}'
    if isinstance(value, (list, tuple)):
        items = ', '.join(map(_inline, value))
        if isinstance(value, list):
            return f'[{items}]'
        return f'({items},)' if len(value) == 1 else f'({items})'
    return repr(value)


def _is_keywords(value: Mapping) -> bool:
    """Whether all keys can be written as keywords."""
    return all(isinstance(key, str) and key.isidentifier() for key in value)
