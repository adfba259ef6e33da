# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Which of several inputs each stream reads."""

import logging
from collections.abc import Mapping
from functools import cache
from typing import Any

from mmengine.logging import print_log

from .stream import Stream


def select_input(
    inputs: Mapping[str, Any], specs: Mapping[str, Stream], name: str
) -> Any:
    """The input that a stream reads, of data with several.

    Args:
        inputs (dict[str, Any]): The inputs by name.
        specs (dict[str, Stream]): The streams by name.
        name (str): The stream.

    Returns:
        Any: Its input.

    Raises:
        KeyError: If the data have no input of that name.
        ValueError: If the stream names none, and the data have several.
    """
    key = specs[name].input
    if key is None and len(inputs) == 1:
        return next(iter(inputs.values()))
    if key is None:
        raise ValueError(
            f'stream `{name}` does not say which input it reads, and the data have '
            f'{", ".join(inputs)}. Give it `input=…`.'
        )
    if key not in inputs:
        raise KeyError(
            f'stream `{name}` reads the input `{key}`, but the data has only '
            f'{", ".join(inputs)}.'
        )
    return inputs[key]


def warn_of_unread(inputs: Any, specs: Mapping[str, Stream]) -> None:
    """Warn, once in a process, of inputs that the data have and no stream reads.

    Args:
        inputs (Any): What the data loader gives; a dict where there are several.
        specs (dict[str, Stream]): The streams by name.
    """
    if not isinstance(inputs, Mapping) or len(inputs) < 2:
        return
    readers = ', '.join(f'{name}: {spec.input}' for name, spec in specs.items())
    for key in inputs:
        if all(spec.input != key for spec in specs.values()):
            _warn(key, readers)


@cache
def _warn(key: str, readers: str) -> None:
    """Say it, the first time."""
    print_log(
        f'The data have the input `{key}`, which no stream reads ({readers}): it is '
        'loaded for nothing, or the `input` of a stream is misspelt.',
        logger='current',
        level=logging.WARNING,
    )
