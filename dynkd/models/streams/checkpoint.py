# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Loading the weights that a stream starts from."""

import copy
import logging
import re
from collections.abc import Collection, Mapping, MutableMapping, Sequence
from typing import Any

import torch
import torch.nn as nn
from mmengine.logging import print_log
from torch.nn.modules.utils import consume_prefix_in_state_dict_if_present

from dynkd.compat import check_finite, load_checkpoint_file

#: What the keys of models around a detector begin with: MMRazor's distillers and
#: MMDetection's semi-supervised detectors.
_INSIDE = ('architecture.', 'student.', 'teacher.', 'detector.')
#: Where the branches of a stream's model are; no part of the plain model.
BRANCHES = 'branches.'
#: What checkpoints hold beside weights: a data preprocessor's buffers, which older
#: versions saved, and averages of the weights, of MMDetection 2.
_NO_WEIGHTS = ('data_preprocessor.', 'ema_')
#: What torch says of a key whose shape differs: the checkpoint's, and the model's.
_SHAPES = re.compile(r'size mismatch for (.+?): .*?\[(.*?)\].*?\[(.*?)\]')


def load_stream_checkpoint(
    model: nn.Module, path: str, name: str, whole: bool = False
) -> None:
    """Load a checkpoint strictly into the model of a stream.

    What the plain library migrates when it loads, such as names of older versions, is
    migrated here too. What holds no weights of the model is left out, as the plain
    library does: buffers of data preprocessors that older versions saved (a warning
    tells if they differ from the stream's), and averages of the weights (``ema_…``).

    Args:
        model (nn.Module): The model.
        path (str): Path or URL, of whatever kind MMEngine's loaders read.
        name (str): Name of the stream, for messages.
        whole (bool): Whether the checkpoint must have the stream's branches too. Else
            branches that it has not start from their own initialisation. Defaults to
            False.

    Raises:
        RuntimeError: If keys are missing, unexpected, or of another shape. The model
            then holds what did fit.
        CheckpointError: If a weight is not finite.
    """
    checkpoint = load_checkpoint_file(path)
    state = checkpoint.get('state_dict', checkpoint)
    consume_prefix_in_state_dict_if_present(state, 'module.')
    check_finite(state, f'stream `{name}`: the checkpoint `{path}`')
    _drop_others(model, state, name, path)
    missing, unexpected, shapes, others = _load(model, state)
    own = list(model.state_dict())
    if not whole and not any(key.startswith(BRANCHES) for key in state):
        missing, own = (
            [key for key in keys if not key.startswith(BRANCHES)]
            for keys in (missing, own)
        )
    problems = [
        _listed('missing', [key for key in missing if not _counter(key)]),
        _listed('unexpected', unexpected),
        _listed('of another shape', shapes),
        _listed('refused', others),
    ]
    problems = [problem for problem in problems if problem]
    if problems:
        raise RuntimeError(
            f'stream `{name}`: the checkpoint `{path}` does not fit '
            f'{type(model).__name__}. Keys {"; ".join(problems)}. {_hint(state, own)}'
        )


def load_plain_weights(
    model: nn.Module, state: dict[str, Any], path: str, name: str
) -> None:
    """Load weights of a plain model into a stream, a misfitting head aside.

    Args:
        model (nn.Module): The model of the stream.
        state (dict[str, Tensor]): The weights.
        path (str): Where they are from, for messages.
        name (str): Name of the stream, for messages.

    Raises:
        RuntimeError: If other parts than a head do not fit. The model then holds what
            did fit.
        CheckpointError: If a weight is not finite.
    """
    # A copy with what torch keeps on it, the versions of modules.
    state = copy.copy(state)
    consume_prefix_in_state_dict_if_present(state, 'module.')
    check_finite(state, path)
    _drop_others(model, state, name, path)
    missing, unexpected, shapes, others = _load(model, state)
    missing = [key for key in missing if not _counter(key)]
    absent = [key for key in missing if not key.startswith(BRANCHES)]
    problems = [
        _listed(what, [key for key in keys if not _of_head(key)])
        for what, keys in (
            ('missing', absent),
            ('unexpected', unexpected),
            ('of another shape', shapes),
            ('refused', others),
        )
    ]
    problems = [problem for problem in problems if problem]
    if problems:
        raise RuntimeError(
            f'`load_from` ({path}) is not of this distillation, and does not fit the '
            f'stream `{name}` either ({type(model).__name__}). Keys '
            f'{"; ".join(problems)}. Set `load_from=None`, and start a stream from a '
            'plain model with `streams.<name>.checkpoint`.'
        )
    left = [key for key in (*absent, *shapes) if _of_head(key)]
    rest = f' {_listed("Left as they were, as they do not fit", left)}.' if left else ''
    print_log(
        f'Loaded `load_from` ({path}) into the stream `{name}`.{rest}',
        logger='current',
        level=logging.WARNING if left else logging.INFO,
    )


def _of_head(key: str) -> bool:
    """Whether a weight is one of a head, which depends on the number of classes."""
    return key.partition('.')[0].endswith('head')


def _drop_others(
    model: nn.Module, state: MutableMapping[str, Any], name: str, path: str
) -> None:
    """Take out what holds no weights. In place: torch keeps versions on the dict."""
    own = model.state_dict(keep_vars=True)
    left = [key for key in state if key not in own and key.startswith(_NO_WEIGHTS)]
    buffers = dict(model.named_buffers())
    for key in left:
        there = buffers.get(key)
        if there is not None and not _equal(there, state[key]):
            print_log(
                f'stream `{name}`: the checkpoint `{path}` was trained with `{key}` = '
                f'{_values(state[key])}, but its config has {_values(there)}, which is '
                'what the stream takes.',
                logger='current',
                level=logging.WARNING,
            )
    for key in left:
        del state[key]


def _equal(one: torch.Tensor, other: Any) -> bool:
    """Whether two buffers have the same values."""
    same = isinstance(other, torch.Tensor) and one.numel() == other.numel()
    return same and torch.allclose(one.flatten().cpu(), other.flatten().to(one.dtype))


def _values(buffer: Any) -> Any:
    """The values of a buffer, for a message."""
    if not isinstance(buffer, torch.Tensor):
        return buffer
    return [round(value, 4) for value in buffer.flatten().tolist()]


def check_streams_in(
    state: Mapping[str, Any], prefix: str, streams: Sequence[str]
) -> None:
    """Check that weights for a distillation hold those of one of its streams.

    Those of a plain model would fit nothing and leave it as it was initialised.

    Args:
        state (dict[str, Tensor]): The weights. Without any, there is nothing to check.
        prefix (str): What the names of the distillation's own begin with.
        streams (sequence of str): The trained streams; frozen ones are not saved.

    Raises:
        RuntimeError: If no key is one of these streams'.
    """
    names = [f'{prefix}streams.{name}.' for name in streams]
    if not state or any(key.startswith(tuple(names)) for key in state):
        return
    wanted = ' or '.join(f'`{name}`' for name in names)
    raise RuntimeError(
        'the checkpoint is not of this distillation: none of its keys begins with '
        f'{wanted}. {_listed("Its keys", list(state))}. '
        'To start a stream from a plain model, set `streams.<name>.checkpoint`; to '
        'test an exported model, take the config that was exported with it.'
    )


def _load(model: nn.Module, state: Mapping[str, Any]) -> tuple[list[str], ...]:
    """Load what fits, and list what does not.

    Only the modules themselves can tell: they rename and resize what older versions, or
    models for other resolutions, have saved.

    Returns:
        tuple[list[str], ...]: The keys that are missing, unexpected, of another shape
        and refused for other reasons.
    """
    keys: list[tuple[list[str], list[str]]] = []
    # Where shapes differ, torch raises an error that does not name the other keys.
    hook = model.register_load_state_dict_post_hook(lambda _, own: keys.append(own))
    shapes, others = [], []
    try:
        model.load_state_dict(state, strict=False)
    except RuntimeError as error:
        # A module that fails to migrate its weights ends the loading early.
        for line in str(error).split('\n\t')[1:] if keys else [str(error)]:
            differs = _SHAPES.match(line)
            if differs is None:
                others.append(line.strip())
            else:
                key, given, wanted = differs.groups()
                shapes.append(f'{key} {_shape(given)} for {_shape(wanted)}')
    finally:
        hook.remove()
    missing, unexpected = keys[0] if keys else ([], [])
    return missing, unexpected, shapes, others


def _shape(text: str) -> str:
    """A shape as Python writes it: ``'3, 2'`` is ``'(3, 2)'``."""
    return str(tuple(int(size) for size in text.split(',') if size))


def _hint(state: Collection[str], own: Collection[str]) -> str:
    """What helps where a checkpoint does not fit."""
    if any(key.startswith('streams.') for key in state):
        return (
            'It is the checkpoint of a whole distillation: export the stream first, '
            'with tools/model_converters/export_stream.py.'
        )
    held, wanted = (
        any(key.startswith(BRANCHES) for key in keys) for keys in (state, own)
    )
    if wanted and not held:
        return (
            'The stream is frozen and its branches teach: export them too where they '
            'were trained, by ExportHook(branches=True) or export_stream.py --branches.'
        )
    if held and not wanted:
        return 'It holds branches: give the stream the same `branches`.'
    if any(key.startswith(_INSIDE) for key in state):
        return (
            'Its keys begin with the name of a model around the detector: take out '
            'the part that you need, without that name, and save it as a checkpoint.'
        )
    return (
        'To start from a part of it, give the model an '
        "`init_cfg=dict(type='Pretrained', checkpoint=…)` instead."
    )


def _counter(key: str) -> bool:
    """Whether a key is batch normalisation's counter, absent in old checkpoints."""
    return key.endswith('num_batches_tracked')


def _listed(what: str, keys: Sequence[str], most: int = 4) -> str:
    """Name a number of keys and the first of them."""
    if not keys:
        return ''
    shown: list[str] = list(keys[:most])
    if len(keys) > most:
        shown.append('…')
    return f'{what} ({len(keys)}): {", ".join(shown)}'
