# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Batch normalisation that would learn from a single value."""

from typing import Any, Optional

import torch
from torch.nn.modules.batchnorm import _BatchNorm

from dynkd.utils import RandomState

from .branches.attach import record_branched
from .stream import Stream


@torch.no_grad()
def single_value_norm(stream: Stream) -> Optional[str]:
    """Which batch normalisation of a stream has one value per channel where a batch has
    one sample.

    The body and the branches are run once on a random input of the stream's
    ``input_shape``. Nothing of the model changes, and random numbers stay as they are.

    Args:
        stream (Stream): A stream that learns.

    Returns:
        str or None: The name of the layer; None if there is none, or it cannot be found
        out.
    """
    model = stream.model
    if not hasattr(model, 'extract_feat'):
        return None
    found: list[str] = []

    def note(name: str) -> Any:
        def hook(layer: Any, args: tuple[Any, ...]) -> None:
            if args[0].numel() == args[0].size(1):
                found.append(name)

        return hook

    handles = [
        layer.register_forward_pre_hook(note(name))
        for name, layer in model.named_modules()
        if isinstance(layer, _BatchNorm) and layer.training
    ]
    modes = {module: module.training for module in model.modules()}
    state = RandomState.capture()
    device = next(model.parameters()).device
    try:
        model.eval()
        with record_branched(model) as stages:
            model.extract_feat(torch.randn(1, *stream.cfg.input_shape, device=device))
        if stream.branches is not None:
            stream.branches(stages)
    except Exception:
        # What does not run on random inputs was told when the model was built.
        return None
    finally:
        state.restore()
        for module, mode in modes.items():
            module.training = mode
        for handle in handles:
            handle.remove()
    return found[0] if found else None
