# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Running a model for what its taps yield alone, without computing its own losses."""

from collections.abc import Sequence
from typing import Any, Optional

import torch
import torch.nn as nn

from dynkd.models.branches import record_branched

from .tap import Tap, record

#: Parts that :meth:`extract_feat` of OpenMMLab's models runs.
_BODY = ('backbone', 'neck')
#: Heads that take what :meth:`extract_feat` returns.
_HEADS = ('head', 'bbox_head', 'mask_head', 'rpn_head', 'cls_head')
#: What runs on the stages of a stream's backbone.
_BRANCHES = 'branches'


def is_observable(model: nn.Module, taps: Sequence[Tap]) -> bool:
    """Whether taps can be read without a model's own losses.

    Args:
        model (nn.Module): The model of the stream.
        taps (sequence of Tap): Taps of the stream.

    Returns:
        bool: Whether all of them lie in a body or a head that runs on features alone.
    """
    # Between the body and the head of DETR and its kin stands a transformer.
    heads = () if hasattr(model, 'forward_transformer') else _HEADS
    return all(tap.root in (*_BODY, *heads, _BRANCHES) for tap in taps)


def observe(
    model: nn.Module,
    taps: Sequence[Tap],
    inputs: torch.Tensor,
    data_samples: Optional[Sequence] = None,
) -> dict[Tap, list[Any]]:
    """Run a model for its taps, without a graph.

    OpenMMLab's ``mode='tensor'`` calls the heads' ``forward`` past their hooks, so the
    heads that are tapped are called here. A model with other taps computes its losses,
    which are thrown away.

    Args:
        model (nn.Module): The model of the stream.
        taps (sequence of Tap): Taps of the stream.
        inputs (Tensor): Preprocessed inputs, (B, C, H, W) for images.
        data_samples (list, optional): Preprocessed data samples.

    Returns:
        dict[Tap, list]: What the taps yielded.
    """
    roots = {tap.root for tap in taps}
    with torch.no_grad(), record(model, taps) as out, record_branched(model) as stages:
        if is_observable(model, taps):
            features, extra = _body(model, inputs)
            for root in sorted(roots - {*_BODY, _BRANCHES}):
                model.get_submodule(root)(features, **extra)
        else:
            model(inputs, data_samples, mode='loss')
        if _BRANCHES in roots:
            model.branches(stages)
    return out


def _body(model: nn.Module, inputs: torch.Tensor) -> tuple[Any, dict[str, Any]]:
    """What a model's body gives its head, and by which further arguments."""
    features = model.extract_feat(inputs)
    # MMAction2's recognizers return both.
    both = isinstance(features, tuple) and len(features) == 2
    if both and isinstance(features[1], dict):
        return features
    return features, {}
