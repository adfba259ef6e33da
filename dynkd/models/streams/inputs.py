# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Which of several inputs each stream reads."""

import logging
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from mmengine.logging import print_log

from .config import StreamConfig


def select_input(inputs: Mapping[str, Any], cfg: StreamConfig) -> Any:
    """The input that a stream reads, of data with several.

    Args:
        inputs (dict[str, Any]): The inputs by name.
        cfg (StreamConfig): The stream's config.

    Returns:
        Any: Its input.

    Raises:
        KeyError: If the data have no input of that name.
        ValueError: If the stream names none, and the data have several.
    """
    key = cfg.input
    if key is None and len(inputs) == 1:
        return next(iter(inputs.values()))
    if key is None:
        raise ValueError(
            f'stream `{cfg.name}` does not say which input it reads, and the data have '
            f'{", ".join(inputs)}. Give it `input=…`.'
        )
    if key not in inputs:
        raise KeyError(
            f'stream `{cfg.name}` reads the input `{key}`, but the data has only '
            f'{", ".join(inputs)}.'
        )
    return inputs[key]


def warn_of_unread(inputs: Mapping[str, Any], configs: Sequence[StreamConfig]) -> None:
    """Warn, once in a process, of inputs that the data have and no stream reads.

    Args:
        inputs (dict[str, Any]): The inputs by name.
        configs (sequence of StreamConfig): The configs of the streams.
    """
    if len(inputs) < 2:
        return
    read = {cfg.input for cfg in configs}
    for key in inputs:
        if key not in read:
            _warn(key, ', '.join(f'{cfg.name}: {cfg.input}' for cfg in configs))


@cache
def _warn(key: str, readers: str) -> None:
    """Say it, the first time."""
    print_log(
        f'The data have the input `{key}`, which no stream reads ({readers}): it is '
        'loaded for nothing, or the `input` of a stream is misspelt.',
        logger='current',
        level=logging.WARNING,
    )
