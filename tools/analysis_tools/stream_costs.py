# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What streams cost: their parameters, and the operations of a forward pass."""

import copy
from collections.abc import Sequence
from typing import Any, Optional

import torch
from mmengine.analysis import get_model_complexity_info
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope
from torch import nn

from dynkd.models.streams import stream_fields


class WholeForward(nn.Module):
    """A model that runs from its input to what its head gives.

    Detectors with proposals need to know the size of the images, and recognizers to be
    told not to stop behind the backbone.

    Args:
        model (nn.Module): A model of MMPretrain, MMDetection, MMAction2 or
            MMSegmentation.
        scope (str): Its library.
    """

    def __init__(self, model: nn.Module, scope: str) -> None:
        super().__init__()
        self.model = model
        self.scope = scope

    def forward(self, inputs: torch.Tensor) -> Any:
        """Run the model.

        Args:
            inputs (Tensor): A batch of inputs.

        Returns:
            Any: What the model gives in the mode ``'tensor'``.
        """
        if self.scope == 'mmaction':
            return self.model(inputs, mode='tensor', stage='head')
        if self.scope != 'mmdet':
            return self.model(inputs, mode='tensor')
        from mmdet.structures import DetDataSample

        shape = tuple(inputs.shape[-2:])
        meta = dict(img_shape=shape, ori_shape=shape, pad_shape=shape)
        meta.update(batch_input_shape=shape, scale_factor=(1.0, 1.0))
        samples = [DetDataSample(metainfo=meta) for _ in inputs]
        return self.model(inputs, samples, mode='tensor')


def count_operations(model: nn.Module, scope: str, shape: Sequence[int]) -> int:
    """Count the operations of one forward pass.

    Args:
        model (nn.Module): The model.
        scope (str): Its library.
        shape (sequence of int): Shape of an input, without the batch.

    Returns:
        int: Multiplications with their additions, and the operations of norm layers.
    """
    inputs = (torch.zeros(1, *shape),)
    with torch.no_grad():
        info = get_model_complexity_info(
            WholeForward(model, scope), None, inputs, show_table=False, show_arch=False
        )
    return int(info['flops'])


def parameters(*modules: Optional[nn.Module]) -> int:
    """Count parameters.

    Args:
        *modules (nn.Module, optional): The modules; None has none.

    Returns:
        int: How many numbers they are.
    """
    return sum(
        p.numel() for own in modules if own is not None for p in own.parameters()
    )


def count_extras(cfg: Config, streams: dict[str, Any]) -> dict[str, int]:
    """Count what a distillation trains besides its streams.

    Args:
        cfg (Config): The config of a distillation.
        streams (dict[str, StreamConfig]): Its streams, without weights.

    Returns:
        dict[str, int]: Parameters of the branches of each stream, and of the connectors
        and losses of each transfer, where there are any.
    """
    model = copy.deepcopy(cfg.model)
    for name, stream in streams.items():
        fields = stream_fields(name, model.streams[name])
        fields.update(model=stream.model, config=None, scope=stream.scope)
        model.streams[name] = dict(fields, checkpoint=None)
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope', 'mmengine')):
        built = MODELS.build(model)
    found = {
        f'branches of {name}': parameters(getattr(built.stream(name), 'branches', None))
        for name in streams
    }
    found |= {name: parameters(own) for name, own in built.transfers.items()}
    return {name: number for name, number in found.items() if number}
