# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Errors that say what they are about."""

from collections.abc import Iterator
from contextlib import contextmanager

#: Kinds of errors that a wrong config causes.
_KINDS = (KeyError, TypeError, ValueError, AttributeError)


class NonFiniteError(FloatingPointError):
    """Numbers of a training that are not finite: NaN, or infinite."""


@contextmanager
def named(owner: str) -> Iterator[None]:
    """Put the owner before the message of an error that a wrong config causes.

    The error keeps its kind (``KeyError``, ``TypeError``, ``ValueError`` or
    ``AttributeError``), and its cause is the original error.

    Args:
        owner (str): What the ``with`` block builds or checks: ``'transfer `loss_kd`'``.

    Yields:
        None
    """
    try:
        yield
    except _KINDS as error:
        kind = next(kind for kind in _KINDS if isinstance(error, kind))
        text = error.args[0] if isinstance(error, KeyError) and error.args else error
        raise kind(f'{owner}: {text}') from error
