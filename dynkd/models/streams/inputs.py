# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Which of several inputs each stream reads."""

import logging
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import torch
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


def check_branches_of_data(data: Mapping[str, Any]) -> None:
    """Reject the data of MMDetection's ``MultiBranch``, for semi-supervised detectors.

    Args:
        data (dict): A batch as the data loader returns it.

    Raises:
        ValueError: If it has several batches, one for each branch of the pipeline.
    """
    samples = data.get('data_samples')
    if isinstance(samples, Mapping):
        raise ValueError(
            f'the batch has several branches, {", ".join(samples)}, each with images '
            'and data samples of its own, as `MultiBranch` makes them for SoftTeacher '
            'and other semi-supervised detectors. A distillation reads one: take its '
            'pipeline without `MultiBranch`, and a data set without '
            '`MultiSourceSampler`.'
        )


def fit_clips(inputs: Any, preprocessor: Any, name: str) -> Any:
    """Clips of a 3D model, for a 2D model that reads their frames.

    Args:
        inputs (list[Tensor] or Any): Clips, (clips, C, T, H, W) each, or anything else.
        preprocessor (nn.Module): The data preprocessor of the stream.
        name (str): Name of the stream.

    Returns:
        list[Tensor] or Any: Frames, (clips * T, C, H, W) each, where the stream reads
        frames and the data have clips; else the same.

    Raises:
        ValueError: If the stream reads clips and the data have frames.
    """
    form = getattr(preprocessor, 'format_shape', None)
    first = inputs[0] if isinstance(inputs, (list, tuple)) and inputs else None
    rank = first.dim() if isinstance(first, torch.Tensor) else None
    if (form, rank) == ('NCTHW', 4):
        raise ValueError(
            f'stream `{name}` reads clips (clips, C, T, H, W), but the data have '
            f'frames, {tuple(first.shape)}. Write '  # type: ignore[union-attr]  # a rank
            "dict(type='FormatShape', input_format='NCTHW'): a 2D model takes the "
            'frames of clips.'
        )
    if (form, rank) != ('NCHW', 5):
        return inputs
    return [clip.transpose(1, 2).flatten(0, 1) for clip in inputs]


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
