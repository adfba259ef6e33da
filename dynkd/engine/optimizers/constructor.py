# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Building the optimizer wrappers of the streams."""

import copy
from typing import Any, Optional

import torch.nn as nn
from mmengine.model import is_model_wrapper
from mmengine.optim import build_optim_wrapper

from dynkd.registry import OPTIM_WRAPPER_CONSTRUCTORS

from .stream_optim_wrapper import StreamOptimWrapper

#: What the one backward pass of all streams shares.
_SHARED = ('type', 'accumulative_counts', 'loss_scale', 'dtype')


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class StreamOptimWrapperConstructor:
    """Builds an optimizer wrapper for each trained stream.

    Parameters of losses and connectors are trained with the stream of their transfer's
    target.

    Example:
        >>> optim_wrapper = dict(
        ...     constructor='dynkd.StreamOptimWrapperConstructor',
        ...     type='OptimWrapper',  # AmpOptimWrapper trains all in mixed precision
        ...     streams=dict(
        ...         teacher=dict(optimizer=dict(type='SGD', lr=1e-5)),
        ...         student=dict(
        ...             optimizer=dict(type='SGD', lr=0.1),
        ...             clip_grad=dict(max_norm=0.1),
        ...             paramwise_cfg=dict(norm_decay_mult=0.0),
        ...         ),
        ...     ),
        ... )

    Args:
        optim_wrapper_cfg (dict): ``streams`` maps each trained stream to its
            ``optimizer`` and, optionally, ``clip_grad``, ``paramwise_cfg`` and
            ``constructor``. Beside it stands what all share: ``type``,
            ``accumulative_counts``, ``loss_scale`` and ``dtype``.
        paramwise_cfg (dict, optional): Must be None: it belongs to a stream.

    Raises:
        ValueError: If ``streams`` is missing or something stands at the wrong place.
    """

    def __init__(
        self, optim_wrapper_cfg: dict, paramwise_cfg: Optional[dict] = None
    ) -> None:
        cfg = {k: v for k, v in optim_wrapper_cfg.items() if k != '_scope_'}
        streams = cfg.pop('streams', None)
        if not streams:
            raise ValueError(
                'optim_wrapper: `streams` is missing. Give each trained stream its '
                'optimizer: `streams=dict(student=dict(optimizer=dict(…)), …)`.'
            )
        misplaced = [key for key in cfg if key not in _SHARED]
        misplaced += [] if paramwise_cfg is None else ['paramwise_cfg']
        if misplaced:
            raise ValueError(
                f'optim_wrapper: `{misplaced[0]}` belongs to a stream, at '
                f'`streams.<name>.{misplaced[0]}`. All streams share only '
                f'{", ".join(_SHARED)}.'
            )
        for name, own in streams.items():
            shared = [key for key in _SHARED if key in own]
            if shared:
                raise ValueError(
                    f'optim_wrapper: `{shared[0]}` of stream `{name}` is shared by all '
                    'streams, which have one backward pass. Put it beside `streams`.'
                )
        self.shared = cfg
        self.streams = {k: v for k, v in streams.items() if k != '_scope_'}

    def __call__(self, model: nn.Module) -> StreamOptimWrapper:
        """Build the wrappers.

        Args:
            model (nn.Module): The distillation, wrapped for several processes or not.

        Returns:
            StreamOptimWrapper: A wrapper for each trained stream.

        Raises:
            ValueError: If a stream is unknown, frozen, or has no optimizer.
        """
        distillation = model.module if is_model_wrapper(model) else model
        self._check(distillation)
        _check_unused_parameters(model, distillation)
        wrappers: dict[str, Any] = {}
        for name in distillation.streams:
            cfg = copy.deepcopy(dict(self.shared, **self.streams[name]))
            cfg.setdefault('type', 'OptimWrapper')
            wrappers[name] = build_optim_wrapper(_learners(distillation, name), cfg)
        return StreamOptimWrapper(**wrappers)

    def _check(self, distillation: nn.Module) -> None:
        """Check that the streams of the config are those that are trained."""
        trained = ', '.join(distillation.streams)
        for name in self.streams:
            if name not in distillation.specs:
                raise ValueError(
                    f'optim_wrapper: there is no stream `{name}`. Trained: {trained}.'
                )
            if name not in distillation.streams:
                raise ValueError(
                    f'optim_wrapper: the stream `{name}` is frozen and takes no '
                    f'optimizer. Trained: {trained}.'
                )
        for name in distillation.streams:
            if name not in self.streams:
                raise ValueError(
                    f'optim_wrapper: the stream `{name}` is trained and has no '
                    f'optimizer. Add `streams.{name}`, or freeze it.'
                )


def _learners(distillation: nn.Module, name: str) -> nn.Module:
    """A stream's model, with the losses and connectors that it trains.

    Names are those of the stream's model, so that ``paramwise_cfg`` reads as for the
    plain model; those of transfers begin with ``transfers.``.
    """
    stream = distillation.stream(name)
    transfers = {
        key: transfer
        for key, transfer in distillation.transfers.items()
        if transfer.target.stream == name and any(True for _ in transfer.parameters())
    }
    if not transfers:
        return stream
    group = nn.Module()
    group._parameters.update(stream._parameters)
    for key, child in stream.named_children():
        group.add_module(key, child)
    group.add_module('transfers', nn.ModuleDict(transfers))
    return group


def _check_unused_parameters(model: nn.Module, distillation: nn.Module) -> None:
    """Refuse phases that leave parameters unused where that would stop the training."""
    find = getattr(model, 'find_unused_parameters', True)
    trainable = [
        name
        for name, transfer in distillation.transfers.items()
        if any(True for _ in transfer.parameters())
    ]
    for phase in distillation.phases:
        unused = list(phase.frozen) + [n for n in trainable if not phase.acts(n)]
        if unused and not find:
            raise ValueError(
                f'phase `{phase.name}` leaves parameters of `{unused[0]}` unused, for '
                'which several processes would wait. Set '
                '`find_unused_parameters = True` at the top of the config.'
            )
