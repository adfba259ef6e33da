# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Running a model for its taps, without its losses where that is possible."""

import inspect
from collections.abc import Sequence
from typing import Any, Optional

import torch
from torch import nn

from dynkd.models.taps import Recorder, Tap

from .branches import branches_of, record_branched
from .transformer import is_detr_like, run_transformer, takes_images_only

#: Parts that ``extract_feat`` of OpenMMLab's models runs.
_BODY = ('backbone', 'neck')
#: Heads that may receive what ``extract_feat`` returns.
_HEADS = (
    'head',
    'bbox_head',
    'mask_head',
    'rpn_head',
    'cls_head',
    'decode_head',
    'auxiliary_head',
)
#: What runs on the stages of a stream's backbone.
_BRANCHES = 'branches'
#: What no head is.
_WITH_BODY = (*_BODY, _BRANCHES)


def is_observable(model: Any, taps: Sequence[Tap]) -> bool:
    """Whether taps can be read without data samples, or the model's own losses.

    Args:
        model (nn.Module): The model of the taps' stream.
        taps (sequence of Tap): The taps.

    Returns:
        bool: Whether all of them lie in a body or a head that runs on features alone.
    """
    if not hasattr(model, 'extract_feat'):
        return False
    roots = {tap.root for tap in taps}.difference(_WITH_BODY)
    # DETR-like models have a transformer between body and head.
    if roots and is_detr_like(model):
        return False
    return all(
        root in _HEADS and all(map(_takes_features_only, _heads(model, root)))
        for root in roots
    )


def run_observed(
    model: Any,
    taps: Recorder,
    observable: bool,
    inputs: torch.Tensor,
    data_samples: Optional[Sequence] = None,
) -> dict[Tap, list[Any]]:
    """Run a model for its taps.

    OpenMMLab's ``mode='tensor'`` calls the heads' ``forward`` without their hooks, so
    the heads that are tapped are called here. So is a DETR's transformer: in evaluation
    mode, it returns less than the losses need. A model with other taps computes its
    losses, which are discarded.

    Args:
        model (nn.Module): The model.
        taps (Recorder): The taps to record.
        observable (bool): What :func:`is_observable` returns of them.
        inputs (Tensor): Preprocessed inputs, (B, C, H, W) for images.
        data_samples (list, optional): Preprocessed data samples. Defaults to None.

    Returns:
        dict[Tap, list]: What the taps yielded.
    """
    with taps(model) as outputs, record_branched(model) as stages:
        if observable:
            features, extra = _body(model, inputs)
            for root in taps.roots:
                if root not in _WITH_BODY:
                    for head in _heads(model, root):
                        head(features, **extra)
        elif not is_detr_like(model):
            model(inputs, data_samples, mode='loss')
        elif takes_images_only(model):
            run_transformer(model, inputs, data_samples)
        else:
            model(inputs, data_samples, mode='predict')
        branches = branches_of(model)
        if branches is not None and _BRANCHES in taps.roots:
            branches(stages)
    return outputs


def _body(model: Any, inputs: torch.Tensor) -> tuple[Any, dict[str, Any]]:
    """The input that the model's body passes to its head, and further arguments."""
    features = model.extract_feat(inputs)
    # MMAction2's recognizers return both.
    both = isinstance(features, tuple) and len(features) == 2
    if both and isinstance(features[1], dict):
        return features
    return features, {}


def _heads(model: Any, root: str) -> Sequence[nn.Module]:
    """The head of that name; MMSegmentation may have several auxiliary heads."""
    part = model.get_submodule(root)
    several = root == 'auxiliary_head' and isinstance(part, nn.ModuleList)
    return list(part) if several else [part]


def _takes_features_only(head: nn.Module) -> bool:
    """Whether a head needs nothing but features: CondInst's mask head needs boxes."""
    if isinstance(head, nn.ModuleList):
        return False  # A cascade: each refines what the one before predicted.
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    needed = [
        parameter
        for parameter in inspect.signature(head.forward).parameters.values()
        if parameter.default is parameter.empty
        and parameter.kind not in kinds
        # What MMAction2's `extract_feat` returns beside the features.
        and parameter.name != 'num_segs'
    ]
    return len(needed) <= 1
