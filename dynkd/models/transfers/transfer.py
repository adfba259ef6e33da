# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Transfers: knowledge flowing from source taps to target taps."""

from collections.abc import Mapping, Sequence
from typing import Any, Optional, Union

import torch
from mmengine.dist import all_reduce

from dynkd.models.schedules import Progress
from dynkd.models.taps import PositivesTap, Tap
from dynkd.utils import checked

from .common_classes import CommonClasses
from .labelled_pixels import ignore_pixels
from .levels import for_each_level
from .pairing import check_ensemble, pair_taps
from .parts import Part, TransferParts
from .signatures import labels_of
from .token_maps import TokenMaps


@checked
class Transfer(TransferParts):
    """Knowledge that flows from a source to a target through a loss.

    The source is detached and the target learns: the direction of a transfer is the
    direction of its gradient. The parameters of its loss and connectors are trained
    with the target's stream.

    An equation that sums over pairs of taps (each of a stream's classifiers, say) is
    one transfer: ``source`` and ``target`` are then lists, and the loss has a level
    for each pair. A single tap on one side is paired with every tap of the other. With
    an ``ensemble`` the sources become one first.

    Args:
        source (str or list[str]): Tap that teaches, for example ``'teacher.neck'``, or
            what a store keeps of a tap: ``'history.student.head'``.
        target (str or list[str]): Tap that learns, for example ``'student.neck'``.
        loss (dict or nn.Module): The loss, called as ``loss(target, source)``: its
            config, or the module. The ``loss_weight`` of a config may be a schedule:
            ``dict(type='LinearSchedule', start=0., stop=1., end=10)``, or measured: a
            :class:`~dynkd.models.transfers.BalancedWeight`.
        source_connector (dict or nn.Module, optional): Module between the source and
            the loss, or its config. Defaults to None.
        target_connector (dict or nn.Module, optional): Module between the target and
            the loss, or its config, such as a
            :class:`~dynkd.models.transfers.connectors.ChannelAligner`. Defaults to
            None.
        connector (dict or nn.Module, optional): Module that receives both sides, as the
            other connectors left them, ``connector(target, source)``, and returns what
            the loss compares with the source in the target's place, or its config, such
            as a
            :class:`~dynkd.models.methods.dpk.PriorKnowledge`. Defaults to None.
        classes (dict, optional): For sides that predict different classes: ``source``
            and ``target`` are each a list of all names of the side's classes, of which
            the common ones are compared, or of the indices to compare, see
            :class:`~dynkd.models.transfers.common_classes.CommonClasses`. Defaults to
            None.
        detach_source (bool): Whether the source gets no gradient. ``False`` exists for
            faithfulness to the released script of DKD, where both sides of every loss
            learn. It takes hardly more time here: the script's step takes 1.5 times as
            long because it goes backward once for each model's total. Defaults to True.
        ensemble (dict or nn.Module, optional): Module that makes one source of the list
            of sources, before all connectors, or its config, such as an
            :class:`~dynkd.models.transfers.connectors.Ensemble`. Defaults to None: the
            target is compared with each source.
        ignore_index (int, optional): For segmentors, the label of pixels that are left
            out, see :func:`~dynkd.models.transfers.labelled_pixels.ignore_pixels`.
            Defaults to None: all pixels are compared, as in the papers.

    Raises:
        ValueError: If a tap is malformed, one tap is both source and target, the lists
            cannot be paired, the targets are in different streams, or an ensemble has
            one source or several targets.
    """

    def __init__(
        self,
        source: Union[str, Sequence[str]],
        target: Union[str, Sequence[str]],
        loss: Part,
        source_connector: Optional[Part] = None,
        target_connector: Optional[Part] = None,
        connector: Optional[Part] = None,
        detach_source: bool = True,
        ensemble: Optional[Part] = None,
        classes: Optional[dict[str, Any]] = None,
        ignore_index: Optional[int] = None,
    ) -> None:
        super().__init__(
            loss,
            source_connector=source_connector,
            target_connector=target_connector,
            connector=connector,
            ensemble=ensemble,
        )
        self.pairs = pair_taps(source, target)
        if ensemble is not None:
            check_ensemble(source, target)
        #: Whether a side is one value, and not a list of the pairs' values.
        self.single_source = isinstance(source, str) and isinstance(target, str)
        self.single_target = self.single_source or ensemble is not None
        self.detach_source = detach_source
        self.ignore_index = ignore_index
        #: The classes that are compared; None: all.
        self.common = None if classes is None else CommonClasses(classes)
        #: What lays tokens out as maps.
        self.token_maps = TokenMaps(self.pairs)
        #: Its name among the transfers, for logs.
        self.name = ''
        #: How many class scores its targets may have; nothing where that is not known.
        self.classes: tuple[int, ...] = ()
        self._share: Optional[torch.Tensor] = None
        needed = getattr(self.loss, 'needs_positives', True)
        #: What counts the positives of the learner's head, if the loss divides by them.
        self.positives: Optional[PositivesTap] = None
        if needed and 'positives' in self._extras['loss']:
            self.positives = PositivesTap.beside(self.targets[0])

    def enter(self, phase: int) -> None:
        """Begin a phase of the training in which it acts.

        Args:
            phase (int): Index of the phase.
        """
        self._share = None
        if self.balance is not None:
            self.balance.enter(phase)

    def forget(self) -> None:
        """Forget what another training measured: one begins, and it acts later."""
        if self.balance is not None:
            self.balance.forget()

    def forward(
        self,
        outputs: Mapping[Tap, Any],
        data_samples: Mapping[str, Optional[Sequence]],
        progress: Progress,
        task: Optional[torch.Tensor] = None,
    ) -> torch.Tensor:
        """Compute the loss of one step.

        Args:
            outputs (dict[Tap, Any]): What the taps yielded: tensors, or lists of them.
            data_samples (dict[str, list]): Each stream's data samples.
            progress (Progress): How far the training is.
            task (Tensor, optional): The sum of the learner's own losses, a scalar
                without a gradient. Defaults to None: it has none.

        Returns:
            Tensor: The loss, a scalar, times its scheduled or balanced weight.
        """
        loss = self.compare(outputs, data_samples, progress)
        if self.schedule is not None:
            loss = loss * self.schedule(progress)
        if self.balance is not None:
            loss = loss * self.balance(loss, task, progress, f'`{self.name}`')
        self._share = None if task is None else loss.detach().float() / task
        return loss

    def compare(
        self,
        outputs: Mapping[Tap, Any],
        data_samples: Mapping[str, Optional[Sequence]],
        progress: Progress,
    ) -> torch.Tensor:
        """Compare source and target.

        Args:
            outputs (dict[Tap, Any]): What the taps yielded: tensors, or lists of them.
            data_samples (dict[str, list]): Each stream's data samples. A loss or
                connector that names ``data_samples`` receives the target's.
            progress (Progress): How far the training is. A loss or connector that
                names ``progress`` receives it.

        Returns:
            Tensor: The loss, a scalar, before a scheduled or balanced weight.
        """
        extra: dict[str, Any] = dict(
            data_samples=data_samples.get(self.learner),
            progress=progress,
            positives=self._count_positives(outputs),
            classes=self.classes if self.common is None else (len(self.common),),
        )
        if any('gt_labels' in names for names in self._extras.values()):
            extra['gt_labels'] = labels_of(extra['data_samples'], outputs)
        source: Any = [outputs[tap] for tap, _ in self.pairs]
        target: Any = [outputs[tap] for _, tap in self.pairs]
        grids: Any = self.token_maps.grids(outputs)
        if self.single_source:
            source, grids = source[0], (grids[0][0], grids[1])
        if self.single_target:
            target, grids = target[0], (grids[0], grids[1][0])
        if self.detach_source:
            source = _detach(source)
        if self.ensemble is not None:
            source = self._call('ensemble', source, extra=extra)
            grids = (grids[0][0], grids[1])
        source = self._connect('source_connector', source, grids[0], extra)
        target = self._connect('target_connector', target, grids[1], extra)
        first = 'loss' if self.connector is None else 'connector'
        maps = first in self._takes_maps
        target, source = self.token_maps.beside(target, source, grids[::-1], maps)
        if self.connector is not None:
            target = self._call('connector', target, source, extra=extra)
        return self._loss_of(target, source, extra)

    def _connect(self, part: str, value: Any, grid: Any, extra: dict[str, Any]) -> Any:
        """What a side is after its connector, if it has one."""
        if getattr(self, part) is None:
            return value
        if part in self._takes_maps:
            value = self.token_maps.of(value, grid)
        return self._call(part, value, extra=extra)

    def _loss_of(self, target: Any, source: Any, extra: dict[str, Any]) -> torch.Tensor:
        """The loss of what the connectors returned."""
        if self.common is not None:
            source = self.common.source(source)
            target = self.common.target(target)
        if self.ignore_index is not None:
            samples = extra['data_samples']
            target = ignore_pixels(target, source, samples, self.ignore_index)

        def call(one: Any, other: Any) -> torch.Tensor:
            return self._call('loss', one, other, extra=extra)

        if self._one_tensor:
            return for_each_level(call, target, source, type(self.loss).__name__)
        return call(target, source)

    def _count_positives(self, outputs: Mapping[Tap, Any]) -> Optional[torch.Tensor]:
        """How many predictions of the learner's head have an object, the mean over the
        processes, as MMDetection's heads have it."""
        if self.positives is None:
            return None
        counts = outputs[self.positives]
        if not isinstance(counts, torch.Tensor):
            counts = torch.stack(list(counts)).sum()
        counts = counts.float()
        all_reduce(counts, 'mean')
        return counts

    @property
    def stats(self) -> dict[str, torch.Tensor]:
        """dict[str, Tensor]: What was measured in the last step, scalars by name:
        ``share``, its loss over the learner's task loss; the ``weight``, where it is
        balanced; and what its loss and connectors have in their ``stats``."""
        found: dict[str, torch.Tensor] = {}
        if self._share is not None:
            found['share'] = self._share
        return dict(found, **self.stats_of_parts)

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
        counted = [] if self.positives is None else [self.positives]
        return [*self.sources, *self.targets, *counted, *self.token_maps.taps]

    @property
    def learner(self) -> str:
        """str: The stream of the targets."""
        return self.pairs[0][1].stream

    def __str__(self) -> str:
        return ', '.join(f'{source} -> {target}' for source, target in self.pairs)

    def extra_repr(self) -> str:
        """str: Its sources and targets."""
        return str(self)


def _detach(value: Union[torch.Tensor, Sequence]) -> Any:
    """Detach a tensor, or every tensor of nested lists and tuples."""
    if isinstance(value, torch.Tensor):
        return value.detach()
    return [_detach(item) for item in value]
