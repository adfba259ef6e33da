# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Loading the weights that a stream starts from."""

from collections.abc import Sequence

import torch.nn as nn

from dynkd.compat import load_checkpoint_file


def load_stream_checkpoint(model: nn.Module, path: str, name: str) -> None:
    """Load a checkpoint strictly into the model of a stream.

    Args:
        model (nn.Module): The model.
        path (str): Path or URL, of whatever kind MMEngine's loaders read.
        name (str): Name of the stream, for messages.

    Raises:
        RuntimeError: If keys are missing, unexpected, or of another shape.
    """
    checkpoint = load_checkpoint_file(path)
    state = checkpoint.get('state_dict', checkpoint)
    state = {key.removeprefix('module.'): value for key, value in state.items()}
    own = model.state_dict()
    problems = [
        _listed('missing', [k for k in own if k not in state and not _counter(k)]),
        _listed('unexpected', [k for k in state if k not in own]),
        _listed(
            'of another shape',
            [
                f'{k} {tuple(state[k].shape)} for {tuple(own[k].shape)}'
                for k in own
                if k in state and state[k].shape != own[k].shape
            ],
        ),
    ]
    problems = [problem for problem in problems if problem]
    if problems:
        whole = any(key.startswith('streams.') for key in state)
        hint = (
            'It is the checkpoint of a whole distillation: export the stream first, '
            'with tools/model_converters/export_stream.py.'
            if whole
            else 'To start from a part of it, give the model an '
            "`init_cfg=dict(type='Pretrained', checkpoint=…)` instead."
        )
        raise RuntimeError(
            f'stream `{name}`: the checkpoint `{path}` does not fit '
            f'{type(model).__name__}. Keys {"; ".join(problems)}. {hint}'
        )
    model.load_state_dict(state, strict=False)


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
