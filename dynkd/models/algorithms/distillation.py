# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Distillation: streams that learn together, and from each other."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Optional, Union

import torch
from mmengine.logging import MessageHub, print_log
from torch import nn

from dynkd.models.schedules import (
    BoundedSchedule,
    Progress,
    ReviewSchedule,
    Schedule,
)
from dynkd.models.stores import History, build_stores
from dynkd.models.streams import Stream, warn_of_unread
from dynkd.models.taps import Tap
from dynkd.models.transfers import Transfer, build_transfers
from dynkd.registry import MODELS

from .checks import check_transfers, dry_run
from .phase import Phase, build_phases, check_phases, phase_at
from .streamed_model import StreamedModel

Losses = dict[str, torch.Tensor]


@MODELS.register_module()
class Distillation(StreamedModel):
    """Streams that learn together, and transfers between them.

    With transfers from a frozen teacher to a student this is static distillation; with
    a trained teacher and transfers in both directions it is `General Dynamic Knowledge
    Distillation` (Eq. 3); with source and target inside one stream it is
    self-distillation.

    Args:
        streams (dict[str, dict, str or nn.Module]): The streams by name, each as
            :class:`~dynkd.models.streams.StreamConfig` has it. The stream ``student``
            makes the predictions of :meth:`val_step`; without one of that name, the
            last trained stream does.
        transfers (dict[str, dict], optional): The transfers by name, each as
            :class:`~dynkd.models.transfers.Transfer` has it, or groups of them, such as
            :class:`~dynkd.models.methods.ekd.EvolutionaryTransfers`. The name has
            ``loss`` in it, as the names of losses in OpenMMLab do. Defaults to None.
        phases (list[dict], optional): Parts of the training with transfers and frozen
            streams of their own, each as :class:`~dynkd.models.algorithms.Phase` has
            it. Defaults to None: one phase, in which all transfers act.
        data_preprocessor (dict, optional): The data preprocessor of streams whose model
            names none. Each stream keeps its own.
        stores (dict[str, dict], optional): Stores of the streams' past predictions by
            name, each as :class:`~dynkd.models.stores.PredictionStore` has it. What
            they keep is what transfers read: ``source='history.student.head'``. The
            run is given a :class:`~dynkd.engine.hooks.StoreHook` if it has none.
            Defaults to None.

    Raises:
        ValueError: If streams, transfers and phases do not fit each other; the message
            says which and why.
    """

    def __init__(
        self,
        streams: dict[str, Any],
        transfers: Optional[dict[str, Any]] = None,
        phases: Optional[list[dict]] = None,
        data_preprocessor: Optional[dict] = None,
        stores: Optional[dict[str, Any]] = None,
    ) -> None:
        super().__init__(streams, data_preprocessor)
        self.transfers = nn.ModuleDict(
            build_transfers(transfers or {}, self.all_streams)
        )
        self.stores = build_stores(stores or {}, self.all_streams)
        sources = [tap for t in self._transfers.values() for tap in t.sources]
        self.history = History(self.stores, sources)
        self.phases = build_phases(phases or [dict(name='all')])
        check_phases(self.phases, list(self.streams), list(self.transfers))
        check_transfers(
            self._transfers, self.all_streams, list(self.stores), self.phases
        )
        self._begin(self.phases[0])
        tapped = {n: (s, self.taps(n)) for n, s in self.all_streams.items()}
        dry_run(self, tapped, self._transfers, self.history)

    # -------------------------------------------------------- what others ask for

    @property
    def _transfers(self) -> dict[str, Transfer]:
        """dict[str, Transfer]: The transfers by name, with their type."""
        return dict(self.transfers.items())  # type: ignore[arg-type]  # of modules

    def leaves_unused(self) -> dict[str, str]:
        """What leaves parameters without a gradient in some steps.

        Returns:
            dict[str, str]: The parameters, by what leaves them unused.
        """
        modules = [n for n, t in self._transfers.items() if list(t.parameters())]
        unused = {}
        for phase in self.phases:
            names = list(phase.frozen) + [n for n in modules if not phase.acts(n)]
            if names:
                unused[f'phase `{phase.name}`'] = f'of `{names[0]}`'
        return unused

    def compiles_again(self) -> Optional[str]:
        """Why ``torch.compile`` would compile again and again, step after step.

        Returns:
            str or None: The reason, for a message; None where steps are alike.
        """
        return None

    def schedule_owners(self) -> dict[str, object]:
        """What may keep a schedule.

        Returns:
            dict[str, object]: Objects by name; their attributes may be schedules.
        """
        return dict(self.named_modules())

    def schedules(self) -> Iterator[tuple[str, Schedule]]:
        """The schedules of transfers and methods.

        Yields:
            tuple[str, Schedule]: What has one, for messages, and the schedule.
        """
        for name, owner in self.schedule_owners().items():
            for value in vars(owner).values():
                found = value.schedule if isinstance(value, BoundedSchedule) else value
                if isinstance(found, Schedule):
                    yield f'`{name}`', found

    @property
    def needed_hooks(self) -> list[str]:
        """list[str]: Hooks without which it cannot train; a runner adds them."""
        names = ['RunCheckHook']
        if self.stores:
            names.append('StoreHook')
        if any(isinstance(own, ReviewSchedule) for _, own in self.schedules()):
            names.append('LearningRateHook')
        return names

    def taps(
        self, stream: str, transfers: Optional[Sequence[Transfer]] = None
    ) -> list[Tap]:
        """The taps of a stream that transfers and stores read.

        Args:
            stream (str): Name of the stream.
            transfers (sequence of Transfer, optional): The transfers. Defaults to None:
                those of all phases.

        Returns:
            list[Tap]: The taps, each once.
        """
        reading = self._transfers.values() if transfers is None else transfers
        taps = [tap for transfer in reading for tap in transfer.taps]
        taps += self.history.taps
        return list(dict.fromkeys(tap for tap in taps if tap.stream == stream))

    def init_weights(self) -> None:
        """Initialise what neither a checkpoint nor a builder has."""
        super().init_weights()
        for transfer in self._transfers.values():
            transfer.init_weights()

    # ------------------------------------------------------------------ steps

    def forward(
        self,
        inputs: Any,
        data_samples: Optional[Sequence] = None,
        mode: str = 'tensor',
    ) -> Union[Losses, list, Any]:
        """Run the streams on a batch as the data loader returns it.

        Args:
            inputs (list[Tensor] or Tensor or dict): Inputs before the streams' own data
                preprocessors; a dict of them where streams read different inputs.
            data_samples (list, optional): The data samples.
            mode (str): ``'loss'``, ``'predict'`` or ``'tensor'``; the last two for the
                main stream. Defaults to ``'tensor'``.

        Returns:
            dict[str, Tensor] or list or Any: The losses of all trained streams
            (``'student/loss_cls'``) and all transfers; the main stream's predictions;
            or what its model returns.
        """
        data = dict(inputs=inputs, data_samples=data_samples)
        if mode == 'loss':
            return self._loss(data)
        main = self.stream(self.main_stream)
        return main.model._run_forward(main.prepare(data, False), mode=mode)

    def _loss(self, data: dict) -> Losses:
        """The losses of a training step."""
        progress = Progress.current()
        self._enter_phase(progress)
        if isinstance(data['inputs'], Mapping):
            warn_of_unread(data['inputs'], [s.cfg for s in self.all_streams.values()])
        batches = self.batches(data, self._running, True)
        losses: Losses = {}
        outputs: dict[Tap, Any] = {}
        tasks: dict[str, Optional[torch.Tensor]] = {}
        for name, batch in batches.items():
            own, yielded = self._step(self.all_streams[name], batch, progress)
            losses.update({f'{name}/{key}': value for key, value in own.items()})
            outputs.update(yielded)
            if self.all_streams[name].has_task:
                tasks[name] = _total(own)
        samples = {name: batch.get('data_samples') for name, batch in batches.items()}
        outputs.update(self.history.read(outputs, samples))
        if self.training:
            self.history.write(outputs, samples)
        for name, transfer in self._acting.items():
            task = tasks.get(transfer.learner)
            losses[name] = transfer(outputs, samples, progress, task)
            # Logged, but not added to the total: the word `loss` is left out.
            stats = {_plain(name, key): value for key, value in transfer.stats.items()}
            losses.update(stats)
        return losses

    def _step(
        self, stream: Stream, batch: dict[str, Any], progress: Progress
    ) -> tuple[Losses, dict[Tap, Any]]:
        """Run one stream: its own losses, and what its taps yield."""
        return stream.step(batch)

    def predict_streams(
        self, data: dict, names: Optional[Sequence[str]] = None
    ) -> dict[str, list]:
        """Predict with several streams, and their branches.

        Args:
            data (dict): A batch as the data loader returns it.
            names (sequence of str, optional): Streams (``'student'``) and branches
                (``'student.branches.0'``). Defaults to None: all streams.

        Returns:
            dict[str, list]: The predictions of each.
        """
        names = list(self.all_streams if names is None else names)
        streams = list(dict.fromkeys(name.partition('.')[0] for name in names))
        found: dict[str, list] = {}
        for name, batch in self.batches(data, streams, False).items():
            branches = any(asked.startswith(f'{name}.') for asked in names)
            found.update(self.all_streams[name].predict(batch, branches))
        return {name: found[name] for name in names}

    # ------------------------------------------------------------------ phases

    def _enter_phase(self, progress: Progress) -> None:
        """Follow the training's progress from phase to phase."""
        phase = phase_at(self.phases, progress)
        if phase is not self._phase:
            print_log(f'Phase `{phase.name}` begins.', logger='current')
            _forget_losses(list(self._acting))
            self._begin(phase)
            self.train(self.training)
            _forget_compiled()

    def _begin(self, phase: Phase) -> None:
        """Determine what runs in each step of a phase."""
        self._phase = phase
        self._acting = {n: t for n, t in self._transfers.items() if phase.acts(n)}
        for transfer in self._acting.values():
            transfer.enter(self.phases.index(phase))
        for name, stream in self.all_streams.items():
            stream.enter(self.taps(name, list(self._acting.values())), phase.frozen)
        self._running = [name for name in self.order if self.all_streams[name].runs]


@torch.no_grad()
def _total(losses: Losses) -> Optional[torch.Tensor]:
    """What a stream's own losses add up to, as in ``parse_losses``; None without any.

    A loss may be a list, of levels for example.
    """
    own = [value for key, value in losses.items() if 'loss' in key]
    parts = [p for v in own for p in ([v] if isinstance(v, torch.Tensor) else v)]
    if not parts:
        return None
    # In half precision the sum could overflow.
    return torch.stack([part.mean().float() for part in parts]).sum()


def _forget_losses(transfers: Sequence[str]) -> None:
    """Remove the losses of the previous phase, and the measurements of its transfers,
    from MMEngine's log.

    Otherwise it would repeat the last value of each to the end of the training.
    """
    scalars = MessageHub.get_current_instance().log_scalars
    plain = filter(None, (_plain(name, '') for name in transfers))
    measured = tuple(f'train/{start}' for start in plain)
    for key in [key for key in scalars if key.startswith('train/')]:
        if 'loss' in key or key.startswith(measured):
            del scalars[key]


def _forget_compiled() -> None:
    """Let torch compile anew, where it compiles steps.

    It does not look whether a module that it has compiled has other forward hooks, and
    would yield the taps of the phase before.
    """
    if 'torch._dynamo' in sys.modules:
        torch.compiler.reset()


def _plain(transfer: str, key: str) -> str:
    """The name under which a transfer's measurement is logged: ``dpk/ratio``."""
    words = [word for word in transfer.split('_') if 'loss' not in word]
    return '/'.join([*filter(None, ['_'.join(words)]), key])
