# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Transfers: knowledge flowing from source taps to target taps."""

import inspect
from collections.abc import Sequence
from typing import Any, Callable, Optional, Union

import torch
import torch.nn as nn
from mmengine.registry import DefaultScope

from dynkd.engine.schedules import Progress
from dynkd.registry import MODELS, SCHEDULES

from .tap import Tap


class Transfer(nn.Module):
    """Knowledge that flows from a source to a target through a loss.

    The source is detached and the target learns: the direction of a transfer is the
    direction of its gradient. The parameters of its loss and connectors are trained
    with the target's stream.

    An equation that sums over pairs of taps (each of a stream's classifiers, say) is
    one transfer: ``source`` and ``target`` are then lists, and the loss gets a level
    for each pair. One tap against a list is paired with all of them.

    Args:
        source (str or list[str]): Tap that teaches, for example ``'teacher.neck'``, or
            what a store keeps of a tap: ``'history.student.head'``.
        target (str or list[str]): Tap that learns, for example ``'student.neck'``.
        loss (dict): Config of the loss, called as ``loss(target, source)``. Its
            ``loss_weight`` may be a schedule:
            ``dict(type='LinearSchedule', start=0., stop=1., end=10)``.
        source_connector (dict, optional): Config of a module between the source and the
            loss. Defaults to None.
        target_connector (dict, optional): Config of a module between the target and the
            loss, such as a :class:`~dynkd.models.connectors.ChannelAligner`. Defaults
            to None.
        connector (dict, optional): Config of a module that is given both sides, as the
            other connectors left them, ``connector(target, source)``, and returns what
            the loss compares with the source in the target's place, such as a
            :class:`~dynkd.models.connectors.PriorKnowledge`. Defaults to None.
        detach_source (bool): Whether the source gets no gradient. ``False`` exists for
            faithfulness to the released script of DKD, where both sides of every loss
            learn. It takes hardly more time here: the script's step takes 1.5 times as
            long because it goes backward once for each model's total. Defaults to True.

    Raises:
        ValueError: If a tap is malformed, a transfer has its target for a source, its
            lists do not pair, or its targets lie in different streams.
    """

    def __init__(
        self,
        source: Union[str, Sequence[str]],
        target: Union[str, Sequence[str]],
        loss: dict,
        source_connector: Optional[dict] = None,
        target_connector: Optional[dict] = None,
        connector: Optional[dict] = None,
        detach_source: bool = True,
    ) -> None:
        super().__init__()
        self.pairs = _pair(source, target)
        self.single = isinstance(source, str) and isinstance(target, str)
        self.detach_source = detach_source
        self.schedule: Optional[Callable[[Progress], float]] = None
        with DefaultScope.overwrite_default_scope('dynkd'):
            self.loss = self._build_loss(dict(loss))
            self.source_connector = _build(source_connector)
            self.target_connector = _build(target_connector)
            self.connector = _build(connector)

    def _build_loss(self, cfg: dict) -> nn.Module:
        """Build the loss, with a schedule of its weight taken out of its config."""
        if isinstance(cfg.get('loss_weight'), dict):
            self.schedule = SCHEDULES.build(cfg['loss_weight'])
            cfg['loss_weight'] = 1.0
        return MODELS.build(cfg)

    def forward(
        self, outputs: dict[Tap, Any], data_samples: dict[str, Optional[Sequence]]
    ) -> torch.Tensor:
        """Compute the loss of one step.

        Args:
            outputs (dict[Tap, Any]): What the taps yielded: tensors, or lists of them.
            data_samples (dict[str, list]): Each stream's data samples.

        Returns:
            Tensor: The loss, a scalar, times its scheduled weight.
        """
        loss = self.compare(outputs, data_samples)
        if self.schedule is not None:
            loss = loss * self.schedule(Progress.current())
        return loss

    def compare(
        self, outputs: dict[Tap, Any], data_samples: dict[str, Optional[Sequence]]
    ) -> torch.Tensor:
        """Compare source and target, at whatever point of the training.

        Args:
            outputs (dict[Tap, Any]): What the taps yielded: tensors, or lists of them.
            data_samples (dict[str, list]): Each stream's data samples. A loss or
                connector that names ``data_samples`` is given the target's.

        Returns:
            Tensor: The loss, a scalar, before a scheduled weight.
        """
        extra = dict(data_samples=data_samples.get(self.learner))
        source: Any = [outputs[tap] for tap, _ in self.pairs]
        target: Any = [outputs[tap] for _, tap in self.pairs]
        if self.single:
            source, target = source[0], target[0]
        if self.detach_source:
            source = _detach(source)
        if self.source_connector is not None:
            source = _call(self.source_connector, source, extra=extra)
        if self.target_connector is not None:
            target = _call(self.target_connector, target, extra=extra)
        if self.connector is not None:
            target = _call(self.connector, target, source, extra=extra)
        return _call(self.loss, target, source, extra=extra)

    @property
    def stats(self) -> dict[str, torch.Tensor]:
        """dict[str, Tensor]: What its loss and connectors measured in the last step:
        scalars by name, from those that have ``stats``."""
        found: dict[str, torch.Tensor] = {}
        for module in self.children():
            found.update(getattr(module, 'stats', {}))
        return found

    @property
    def sources(self) -> Sequence[Tap]:
        """list[Tap]: The taps that teach, each once."""
        return list(dict.fromkeys(source for source, _ in self.pairs))

    @property
    def targets(self) -> Sequence[Tap]:
        """list[Tap]: The taps that learn, each once."""
        return list(dict.fromkeys(target for _, target in self.pairs))

    @property
    def taps(self) -> Sequence[Tap]:
        """list[Tap]: The taps that it reads."""
        return [*self.sources, *self.targets]

    @property
    def learner(self) -> str:
        """str: The stream of the targets."""
        return self.pairs[0][1].stream

    def __str__(self) -> str:
        return ', '.join(f'{source} -> {target}' for source, target in self.pairs)

    def extra_repr(self) -> str:
        """str: The way it goes."""
        return str(self)


def _pair(
    source: Union[str, Sequence[str]], target: Union[str, Sequence[str]]
) -> list[tuple[Tap, Tap]]:
    """Pair sources with targets, one against many where there is one."""
    sides = [[side] if isinstance(side, str) else side for side in (source, target)]
    taps = [[Tap.parse(text) for text in side] for side in sides]
    count = max(map(len, taps))
    if not all(taps):
        raise ValueError('a transfer needs a source and a target, and names no taps.')
    if not all(len(side) in (1, count) for side in taps):
        raise ValueError(
            f'{len(taps[0])} sources and {len(taps[1])} targets do not pair: give '
            'equally many, or one of either.'
        )
    pairs = list(zip(*(side * (count // len(side)) for side in taps)))
    for one, other in pairs:
        if one == other:
            raise ValueError(f'source and target are the same tap, `{one}`.')
    learners = list(dict.fromkeys(target.stream for _, target in pairs))
    if len(learners) != 1:
        raise ValueError(
            f'the targets lie in the streams {", ".join(learners)}: a transfer has '
            'one learner. Write one for each stream.'
        )
    return pairs


def names_data_samples(part: nn.Module) -> bool:
    """Whether a part of a transfer needs data samples.

    Args:
        part (nn.Module): Its loss, or one of its connectors.

    Returns:
        bool: Whether its forward pass names ``data_samples``.
    """
    return 'data_samples' in inspect.signature(part.forward).parameters


def _build(cfg: Optional[dict]) -> Optional[nn.Module]:
    """Build a connector, if there is one."""
    return None if cfg is None else MODELS.build(cfg)


def _detach(value: Union[torch.Tensor, Sequence]) -> Any:
    """Detach a tensor, or every tensor of nested lists and tuples."""
    if isinstance(value, torch.Tensor):
        return value.detach()
    return [_detach(item) for item in value]


def _call(module: nn.Module, *args: Any, extra: dict[str, Any]) -> Any:
    """Call a module with those extra arguments that its signature names."""
    names = inspect.signature(module.forward).parameters
    wanted = {name: value for name, value in extra.items() if name in names}
    return module(*args, **wanted)
