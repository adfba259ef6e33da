# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What is wrong with a value, by an annotation."""

import math
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Annotated, Any, Optional, Union

#: What messages call types.
_WORDS: dict[Any, str] = {
    type(None): 'None',
    bool: 'True or False',
    int: 'an integer',
    float: 'a number',
    str: 'a string',
    Sequence: 'a list',
    Mapping: 'a dict',
    Callable: 'a function',
}
_LISTS = (list, tuple, Sequence)
_DICTS = (dict, Mapping)
#: Characters of a value that a message shows.
_SHOWN = 60


@dataclass(frozen=True)
class Fault:
    """What is wrong with a value.

    Args:
        text (str): What it must be: ``'must be finite'``.
        value (Any): The value, or the part of it that is wrong.
        kind (type): The error: ``TypeError``, or ``ValueError`` for one out of its
            range.
        part (str): Which part of the value is wrong: ``'[2]'``. Defaults to ``''``.
    """

    text: str
    value: Any
    kind: type[Exception]
    part: str = ''

    def inside(self, part: str) -> 'Fault':
        """The same, of what holds the value.

        Args:
            part (str): Where in it.

        Returns:
            Fault: The fault.
        """
        return Fault(self.text, self.value, self.kind, part + self.part)

    def error(self, name: str, owner: str = '') -> Exception:
        """The error to raise.

        Args:
            name (str): What the value is called.
            owner (str): What has it. Defaults to ``''``.

        Returns:
            TypeError or ValueError: The error.
        """
        shown = repr(self.value)
        if len(shown) > _SHOWN:
            shown = f'{shown[:_SHOWN]}…'
        start = f'{owner}: ' if owner else ''
        return self.kind(f'{start}`{name}{self.part}` {self.text}, got {shown}.')


def find_fault(value: Any, annotation: Any) -> Optional[Fault]:
    """What is wrong with a value.

    Args:
        value (Any): The value.
        annotation (Any): A type as in an annotation. Lists and tuples may stand for one
            another, an integer for a number. What it cannot check it permits.

    Returns:
        Fault or None: The fault.
    """
    origin = typing.get_origin(annotation)
    if annotation is Any or isinstance(annotation, (str, typing.TypeVar)):
        return None
    if origin is Annotated:
        return _find_in_annotated(value, annotation)
    if origin is Union:
        return _find_in_union(value, typing.get_args(annotation))
    kind = origin or annotation
    if kind is None or kind is type(None):
        return None if value is None else _wrong(value, type(None))
    if kind in (int, float):
        return _find_in_number(value, kind)
    if kind in _LISTS:
        return _find_in_list(value, annotation)
    if kind in _DICTS:
        return _find_in_dict(value, typing.get_args(annotation))
    if kind is Callable:
        return None if callable(value) else _wrong(value, kind)
    if isinstance(kind, type) and not isinstance(value, kind):
        return _wrong(value, kind)
    return None


def _wrong(value: Any, *kinds: Any) -> Fault:
    """The fault of a value of the wrong type."""
    words = [_WORDS.get(kind) or f'a {kind.__name__}' for kind in kinds]
    return Fault(f'must be {" or ".join(dict.fromkeys(words))}', value, TypeError)


def _find_in_number(value: Any, kind: type) -> Optional[Fault]:
    """What is wrong with a number."""
    if isinstance(value, bool):
        return _wrong(value, kind)
    if kind is int:
        return None if isinstance(value, Integral) else _wrong(value, kind)
    if not isinstance(value, Real):
        return _wrong(value, kind)
    finite = math.isfinite(value)
    return None if finite else Fault('must be finite', value, ValueError)


def _find_in_annotated(value: Any, annotation: Any) -> Optional[Fault]:
    """What is wrong with a value, by its type or by what is annotated of it."""
    kind, *bounds = typing.get_args(annotation)
    fault = find_fault(value, kind)
    if fault is not None:
        return fault
    for bound in bounds:
        text = bound.fault(value)
        if text:
            return Fault(text, value, ValueError)
    return None


def _find_in_union(value: Any, kinds: tuple[Any, ...]) -> Optional[Fault]:
    """What is wrong with a value that may be of several types."""
    faults = [find_fault(value, kind) for kind in kinds]
    found = [fault for fault in faults if fault is not None]
    if len(found) < len(kinds):
        return None
    # Of the right type, but out of its range, or wrong in a part.
    close = [fault for fault in found if fault.part or fault.kind is ValueError]
    if close:
        return close[0]
    return _wrong(value, *(_outer(kind) for kind in kinds if kind is not type(None)))


def _outer(annotation: Any) -> Any:
    """The type that messages name of an annotation."""
    origin = typing.get_origin(annotation)
    if origin is Annotated:
        return _outer(typing.get_args(annotation)[0])
    kind = origin or annotation
    if kind in _LISTS:
        return Sequence
    return Mapping if kind in _DICTS else kind


def _find_in_list(value: Any, annotation: Any) -> Optional[Fault]:
    """What is wrong with a list or a tuple."""
    if isinstance(value, (str, bytes)) or not isinstance(value, Sequence):
        return _wrong(value, Sequence)
    kinds = typing.get_args(annotation)
    if typing.get_origin(annotation) is tuple and kinds and kinds[-1] is not ...:
        if len(value) != len(kinds):
            return Fault(f'must have {len(kinds)} items', value, ValueError)
    else:
        kinds = kinds[:1] * len(value)
    for index, (item, kind) in enumerate(zip(value, kinds)):
        fault = find_fault(item, kind)
        if fault is not None:
            return fault.inside(f'[{index}]')
    return None


def _find_in_dict(value: Any, kinds: tuple[Any, ...]) -> Optional[Fault]:
    """What is wrong with a dict."""
    if not isinstance(value, Mapping):
        return _wrong(value, Mapping)
    if not kinds:
        return None
    for key, item in value.items():
        # Of configs that were inherited from another library.
        fault = None if key == '_scope_' else find_fault(item, kinds[1])
        if fault is not None:
            return fault.inside(f'.{key}')
    return None
