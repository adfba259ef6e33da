# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Loading the weights that a stream starts from."""

from collections.abc import Collection, Sequence

import torch.nn as nn

from dynkd.compat import load_checkpoint_file

#: Where the branches of a stream's model are; no part of the plain model.
BRANCHES = 'branches.'


def load_stream_checkpoint(
    model: nn.Module, path: str, name: str, whole: bool = False
) -> None:
    """Load a checkpoint strictly into the model of a stream.

    Args:
        model (nn.Module): The model.
        path (str): Path or URL, of whatever kind MMEngine's loaders read.
        name (str): Name of the stream, for messages.
        whole (bool): Whether the checkpoint must have the stream's branches too. Else
            branches that it has not start from their own initialisation. Defaults to
            False.

    Raises:
        RuntimeError: If keys are missing, unexpected, or of another shape.
    """
    checkpoint = load_checkpoint_file(path)
    state = checkpoint.get('state_dict', checkpoint)
    state = {key.removeprefix('module.'): value for key, value in state.items()}
    own = model.state_dict()
    if not whole and not any(key.startswith(BRANCHES) for key in state):
        own = {key: v for key, v in own.items() if not key.startswith(BRANCHES)}
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
        raise RuntimeError(
            f'stream `{name}`: the checkpoint `{path}` does not fit '
            f'{type(model).__name__}. Keys {"; ".join(problems)}. {_hint(state, own)}'
        )
    model.load_state_dict(state, strict=False)


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
