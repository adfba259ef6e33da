# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Building the optimizer wrappers of the streams."""

import copy
from typing import Any, Optional

import torch.nn as nn
from mmengine.config import Config
from mmengine.optim import OptimWrapper, build_optim_wrapper

from dynkd.models.algorithms import Distillation
from dynkd.models.streams import missing_stream
from dynkd.registry import OPTIM_WRAPPER_CONSTRUCTORS
from dynkd.utils import type_name, unwrap, without_scope

from .numbers import check_clip, check_group
from .stream_optim_wrapper import StreamOptimWrapper
from .unused_parameters import check_unused_parameters

#: Settings of the backward pass, which all streams share.
_SHARED = ('type', 'accumulative_counts', 'loss_scale', 'dtype')
#: Settings of each stream, which may also be written once for all.
_OWN = ('optimizer', 'clip_grad')
#: Constructors that go by the order and the kinds of a model's layers: the last one,
#: whose rate is raised, has to be that of the head.
_BY_ORDER = ('TSMOptimWrapperConstructor',)


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class StreamOptimWrapperConstructor:
    """Builds an optimizer wrapper for each trained stream.

    Parameters of losses and connectors are trained with the stream of their transfer's
    target.

    Settings beside ``streams`` apply to every stream, and a stream's own settings are
    merged into them by MMEngine's rules. So the ``optim_wrapper`` of a plain model's
    config works for all streams, once it names this constructor.

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
        optim_wrapper_cfg (dict): ``streams`` maps trained streams to their
            ``optimizer`` and, optionally, ``clip_grad``, ``paramwise_cfg`` and
            ``constructor``. Beside ``streams`` are ``optimizer`` and ``clip_grad`` of
            all streams, into which a stream's own are merged, and the settings that all
            share: ``type``, ``accumulative_counts``, ``loss_scale`` and ``dtype``.
        paramwise_cfg (dict, optional): ``paramwise_cfg`` of all streams, into which a
            stream's own is merged. Defaults to None.

    Raises:
        ValueError: If there is no optimizer or a setting is misplaced.
    """

    def __init__(
        self, optim_wrapper_cfg: dict, paramwise_cfg: Optional[dict] = None
    ) -> None:
        cfg = without_scope(optim_wrapper_cfg)
        streams = cfg.pop('streams', None) or {}
        if not streams and 'optimizer' not in cfg:
            raise ValueError(
                'optim_wrapper: `streams` is missing. Give each trained stream its '
                'optimizer: `streams=dict(student=dict(optimizer=dict(…)), …)`; or all '
                'the same: `optimizer=dict(…)`.'
            )
        misplaced = [key for key in cfg if key not in _SHARED + _OWN]
        if misplaced:
            raise ValueError(
                f'optim_wrapper: `{misplaced[0]}` belongs to a stream, at '
                f'`streams.<name>.{misplaced[0]}`. All streams may share '
                f'{", ".join(_SHARED + _OWN)} and paramwise_cfg.'
            )
        for name, own in streams.items():
            shared = [key for key in _SHARED if key in own]
            if shared:
                raise ValueError(
                    f'optim_wrapper: `{shared[0]}` of stream `{name}` is shared by all '
                    'streams, which have one backward pass. Put it beside `streams`.'
                )
        if paramwise_cfg is not None:
            cfg['paramwise_cfg'] = paramwise_cfg
        self.shared = cfg
        self.streams = without_scope(streams)

    def __call__(self, model: nn.Module) -> StreamOptimWrapper:
        """Build the wrappers.

        Args:
            model (nn.Module): The distillation, wrapped for several processes or not.

        Returns:
            StreamOptimWrapper: A wrapper for each trained stream.

        Raises:
            ValueError: If a stream is unknown, frozen, or has no optimizer.
        """
        distillation: Distillation = unwrap(model)
        self._check(distillation)
        check_unused_parameters(model)
        wrappers: dict[str, Any] = {}
        for name in distillation.streams:
            cfg = self._merged(name)
            cfg.setdefault('type', 'OptimWrapper')
            owner = f'optim_wrapper.streams.{name}'
            if isinstance(cfg['optimizer'], dict):
                check_group(cfg['optimizer'], f'{owner}.optimizer')
            check_clip(cfg.get('clip_grad'), owner)
            wrappers[name] = _build(distillation, name, cfg)
        return StreamOptimWrapper(**wrappers)

    def _merged(self, name: str) -> dict:
        """The settings of a stream: those of all, with its own merged in."""
        cfg = Config(copy.deepcopy(self.shared))
        cfg.merge_from_dict(copy.deepcopy(dict(self.streams.get(name, {}))))
        return cfg.to_dict()

    def _check(self, distillation: Distillation) -> None:
        """Check that the streams of the config are those that are trained."""
        trained = ', '.join(distillation.streams)
        for name in self.streams:
            if name not in distillation.all_streams:
                raise ValueError(
                    'optim_wrapper: '
                    + missing_stream(name, distillation.all_streams)
                    + f' Trained: {trained}.'
                )
            if name not in distillation.streams:
                raise ValueError(
                    f'optim_wrapper: the stream `{name}` is frozen and takes no '
                    f'optimizer. Trained: {trained}.'
                )
        for name in distillation.streams:
            if 'optimizer' not in self._merged(name):
                raise ValueError(
                    f'optim_wrapper: the stream `{name}` is trained and has no '
                    f'optimizer. Add `streams.{name}`, or freeze it.'
                )


def _build(distillation: Distillation, name: str, cfg: dict) -> OptimWrapper:
    """The wrapper of a stream, for its model and what its transfers learn."""
    model = distillation.streams[name]
    transfers = {
        key: transfer
        for key, transfer in distillation.transfers.items()
        if transfer.learner == name and any(True for _ in transfer.parameters())
    }
    if not transfers or type_name(cfg.get('constructor')) not in _BY_ORDER:
        return build_optim_wrapper(_learners(model, transfers), cfg)
    wrapper = build_optim_wrapper(model, cfg)
    learned = [own for part in transfers.values() for own in part.parameters()]
    # At the rate and the decay of the optimizer.
    wrapper.optimizer.add_param_group(dict(params=list(dict.fromkeys(learned))))
    return wrapper


def _learners(model: nn.Module, transfers: dict[str, nn.Module]) -> nn.Module:
    """A stream's model, with the losses and connectors that it trains.

    Names are those of the stream's model, so that ``paramwise_cfg`` reads as for the
    plain model; those of transfers begin with ``transfers.``.
    """
    if not transfers:
        return model
    # A model of the same class, since constructors ask it for more than its parameters
    # (layer-wise decay for the depth of its layers). Only its list of children is new.
    group = copy.copy(model)
    group._modules = dict(model._modules, transfers=nn.ModuleDict(transfers))
    return group
