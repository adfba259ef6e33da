# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Putting branches on the model of a stream."""

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Optional

import torch
import torch.nn as nn

from dynkd.utils import RandomState, at, named, without_scope

from .base import StageBranches
from .stages import probe_stages, record_stages


def attach_branches(
    model: nn.Module, cfg: dict[str, Any], input_shape: Sequence[int], name: str
) -> None:
    """Put branches on the stages of a stream's model, as its child ``branches``.

    The model runs as before: the distillation runs the branches on the outputs of the
    stages.

    Args:
        model (nn.Module): An image classifier, with a ``backbone`` and a ``head``.
        cfg (dict): ``module``, the config of one branch; and optionally ``num``,
            ``stages``, ``loss_weight`` and ``num_classes``, see
            :class:`StageBranches`. ``num_classes`` defaults to the head's; ``num=0``
            puts on none.
        input_shape (sequence of int): Shape (C, H, W) of the input with which the
            stages' channels are determined.
        name (str): Name of the stream, for messages.

    Raises:
        ValueError: If the model has no head or stages, or fewer stages than branches.
    """
    cfg = copy.deepcopy(without_scope(cfg))
    stages = cfg.pop('stages', None)
    if cfg.get('num') == 0:
        return
    with named(f'branches of stream `{name}`'), at('streams', name, 'branches'):
        _check(model, cfg)
        cfg.setdefault('num_classes', getattr(model.head, 'num_classes', None))
        if cfg['num_classes'] is None:
            raise ValueError(
                f'{type(model.head).__name__} does not say how many classes there '
                'are. Give the branches `num_classes`.'
            )
        state = RandomState.capture()
        names, channels = probe_stages(model, input_shape, stages)
        branches = StageBranches(channels=channels, stages=names, **cfg)
        state.restore()
    model.branches = branches


def _check(model: nn.Module, cfg: dict[str, Any]) -> None:
    """Reject models that take no branches, and a config without a module."""
    if not hasattr(model, 'backbone') or not hasattr(model, 'head'):
        raise ValueError(
            f'{type(model).__name__} has no `backbone` and `head`: branches are for '
            'image classifiers.'
        )
    if hasattr(model, 'branches'):
        raise ValueError(f'{type(model).__name__} has something named `branches`.')
    if 'module' not in cfg:
        raise ValueError(
            "`module` is missing: `branches=dict(module=dict(type='GuidedModule'))`."
        )


@contextmanager
def record_branched(model: nn.Module) -> Iterator[list[torch.Tensor]]:
    """Record what the stages return on which a model has branches.

    Args:
        model (nn.Module): The model, with branches or without.

    Yields:
        list[Tensor]: The feature maps (B, C, H, W), shallow to deep; filled while the
        model runs, and empty for one without branches.
    """
    branches = branches_of(model)
    if branches is None:
        yield []
        return
    with record_stages(model, branches.stages) as maps:
        yield maps


def branches_of(model: nn.Module) -> Optional[StageBranches]:
    """The branches of a model.

    Args:
        model (nn.Module): The model.

    Returns:
        StageBranches or None: The branches; None for a model without any.
    """
    # Every step asks, and `getattr` takes long to find nothing in a module.
    return model._modules.get('branches')  # type: ignore[return-value]  # of modules
