# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What the parts of a transfer are called with, by their signatures."""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, Optional

import torch
from torch import nn

from dynkd.models.labels import class_indices
from dynkd.models.taps import Tap

#: What a part receives besides source and target, if its signature names it.
EXTRAS = ('data_samples', 'progress', 'positives', 'classes', 'gt_labels')
#: What each part receives by position.
_RECEIVES = dict(
    loss=('target', 'source'),
    connector=('target', 'source'),
    source_connector=('source',),
    target_connector=('target',),
    ensemble=('sources',),
)
#: More classes than there are: labels are handed on as they are.
_ANY_CLASS = torch.iinfo(torch.int64).max


def extras_of(part: nn.Module) -> tuple[str, ...]:
    """Which further arguments a part of a transfer names in its signature.

    Args:
        part (nn.Module): A loss or a connector.

    Returns:
        tuple[str]: Their names.
    """
    names = inspect.signature(part.forward).parameters
    return tuple(name for name in EXTRAS if name in names)


def check_signature(part: nn.Module, role: str) -> None:
    """Reject a part that cannot be called as a transfer calls it.

    Args:
        part (nn.Module): A loss or a connector.
        role (str): Its field of the transfer: ``'loss'``, ``'connector'``, … What is
            not called with source or target is not checked.

    Raises:
        ValueError: If it takes fewer inputs, or needs what a transfer does not know.
    """
    if role not in _RECEIVES:
        return
    signature = inspect.signature(part.forward)
    receives = _RECEIVES[role]
    extras = dict.fromkeys(extras_of(part))
    try:
        signature.bind(*receives, **extras)
    except TypeError as error:
        raise ValueError(
            f'`{role}`: {type(part).__name__}.forward{_shown(signature)} cannot be '
            f'called with ({", ".join(receives)}): {error}. A transfer also knows '
            f'{", ".join(EXTRAS)}, which a part receives that names them.'
        ) from error


def keeps_weights(part: nn.Module) -> bool:
    """Whether a part keeps the weights that its constructor made.

    MMRazor never initialises its connectors after they are built, and some cannot be.

    Args:
        part (nn.Module): A loss or a connector.

    Returns:
        bool: Whether it is one of MMRazor's, without an ``init_cfg``.
    """
    theirs = type(part).__module__.partition('.')[0] == 'mmrazor'
    return theirs and not getattr(part, 'init_cfg', None)


def labels_of(
    data_samples: Optional[Sequence[Any]], outputs: Mapping[Tap, Any]
) -> torch.Tensor:
    """The labels of a batch, for parts that name ``gt_labels``.

    Args:
        data_samples (list, optional): The learner's data samples.
        outputs (dict[Tap, Any]): What the taps yielded, where the labels are to be.

    Returns:
        Tensor: Shape (B,), int64.
    """
    devices = [v.device for v in outputs.values() if isinstance(v, torch.Tensor)]
    return class_indices(data_samples, _ANY_CLASS, devices[0] if devices else None)


def _shown(signature: inspect.Signature) -> str:
    """A signature without its annotations."""
    bare = [
        parameter.replace(annotation=inspect.Parameter.empty)
        for parameter in signature.parameters.values()
    ]
    return str(inspect.Signature(bare))
