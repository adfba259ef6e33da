# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Checks what a config says against the annotations of what it builds.

This is the one place where types and ranges of fields are checked. A class that is
:func:`checked` compares the arguments of its constructor with their annotations; that
happens when it is built, and costs nothing afterwards. Classes in DynKD's registries
are checked when they are registered.

Libraries that check annotations were considered. Pydantic turns ``'False'`` into False
and copies dicts; typeguard and beartype take True for a number and let NaN pass; none
knows where in a config a field stands. Each would need as much code around it as this.
"""

import functools
import inspect
import typing
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from difflib import get_close_matches
from typing import Any, Callable, Optional, TypeVar

from .annotations import Fault, find_fault

Class = TypeVar('Class', bound=type)
#: Where in the config what is being built stands, and for which object that holds.
_place: ContextVar[tuple[tuple[str, ...], Optional[int]]] = ContextVar(
    'place', default=((), 0)
)
#: Says that a constructor is checked.
_MARK = '_checked_fields'


@contextmanager
def at(*fields: str) -> Iterator[None]:
    """What is built in the ``with`` block stands in these fields of the config.

    Args:
        fields (str): Names of fields, below that of what builds it: ``'loss'``.

    Yields:
        None
    """
    token = _place.set(((*_place.get()[0], *fields), None))
    try:
        yield
    finally:
        _place.reset(token)


def checked(cls: Class) -> Class:
    """Have a class check the arguments of its constructor against their annotations.

    A number must be finite, and within the range that its annotation names, see
    :mod:`dynkd.utils.kinds`; neither True nor ``'1'`` is a number. A default is always
    permitted, and what has no annotation is not checked.

    Args:
        cls (type): The class, whose constructor is replaced.

    Returns:
        type: The same class.
    """
    own: Any = cls
    init = own.__init__
    owner = next(base for base in own.__mro__ if '__init__' in vars(base))
    # Constructors of other packages were not annotated with this in mind.
    foreign = _package(owner) != _package(own)
    if foreign or getattr(init, _MARK, False):
        return cls
    parameters = list(inspect.signature(init).parameters.values())[1:]

    @functools.wraps(init)
    def checked_init(self: Any, *args: Any, **kwargs: Any) -> None:
        path, holder = _place.get()
        known = holder is None or holder == id(self)
        owner = type(self).__name__
        where = '.'.join(path) if known else ''
        _check_arguments(_hints(init), parameters, (args, kwargs), owner, where)
        # What the constructor builds stands elsewhere, unless it says where.
        token = _place.set((path if known else (), id(self)))
        try:
            init(self, *args, **kwargs)
        finally:
            _place.reset(token)

    setattr(checked_init, _MARK, True)
    own.__init__ = checked_init
    return cls


def check_field(value: Any, annotation: Any, name: str, owner: str = '') -> None:
    """Check a value that no constructor checks.

    Args:
        value (Any): The value.
        annotation (Any): What it must be: a type, or one of :mod:`dynkd.utils.kinds`.
        name (str): What it is called in the config.
        owner (str): What has it, for messages. Defaults to ``''``.

    Raises:
        TypeError: If it is of another type.
        ValueError: If it is out of its range.
    """
    fault = find_fault(value, annotation)
    if fault is not None:
        raise fault.error(name, owner)


def suggestion(name: str, known: typing.Iterable[str]) -> str:
    """Which known name was probably meant, for messages.

    Args:
        name (str): A name that is not known.
        known (iterable of str): The names that are.

    Returns:
        str: A sentence with a space before it; empty if none is like it.
    """
    near = get_close_matches(name, list(known), n=1)
    return f' Did you mean `{near[0]}`?' if near else ''


@functools.cache
def _hints(init: Callable) -> dict[str, Any]:
    """The annotations of a constructor."""
    return typing.get_type_hints(init, include_extras=True)


def _package(cls: type) -> str:
    """The package that a class is from."""
    return cls.__module__.partition('.')[0]


def _check_arguments(
    hints: Mapping[str, Any],
    parameters: list[inspect.Parameter],
    arguments: tuple[tuple[Any, ...], dict[str, Any]],
    owner: str,
    where: str,
) -> None:
    """Check the arguments of a constructor."""
    args, kwargs = arguments
    named = {p.name: p for p in parameters if p.kind not in (p.VAR_KEYWORD,)}
    positional = [p for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    given = {p.name: value for p, value in zip(positional, args)}
    given.update(kwargs)
    if not any(p.kind is p.VAR_KEYWORD for p in parameters):
        _check_names(given, named, owner, where)
    for name, value in given.items():
        if name not in hints or value is named[name].default:
            continue
        fault = find_fault(value, hints[name])
        if fault is not None:
            raise _placed(fault, name, owner, where)


def _check_names(
    given: Mapping[str, Any],
    named: Mapping[str, inspect.Parameter],
    owner: str,
    where: str,
) -> None:
    """Reject a field that does not exist, and a config that lacks one."""
    at_place = f'`{where}`: ' if where else ''
    for name in given:
        if name not in named:
            raise TypeError(
                f'{at_place}{owner} has no field `{name}`.{suggestion(name, named)} '
                f'Its fields: {", ".join(named) or "none"}.'
            )
    for name, parameter in named.items():
        required = parameter.default is parameter.empty
        if (
            required
            and name not in given
            and parameter.kind is not parameter.VAR_POSITIONAL
        ):
            raise TypeError(f'{at_place}{owner} needs the field `{name}`.')


def _placed(fault: Fault, name: str, owner: str, where: str) -> Exception:
    """The error of a fault, with its place in the config where that is known."""
    return fault.error(f'{where}.{name}') if where else fault.error(name, owner)
