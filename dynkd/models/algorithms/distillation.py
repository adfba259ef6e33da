# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Distillation: streams that learn together, and from each other."""

from collections.abc import Mapping, Sequence
from typing import Any, Optional, Union

import torch
from mmengine.logging import print_log

from dynkd.models.schedules import Progress
from dynkd.models.streams import Stream, check_branches_of_data, warn_of_unread
from dynkd.models.taps import Tap
from dynkd.models.transfers import Transfer, check_graph
from dynkd.registry import MODELS

from .checks import dry_run
from .losses import Losses, logged_name, task_loss, total_loss
from .phase import Phase, phase_at
from .phase_change import forget_compiled, forget_losses
from .transfer_model import TransferModel


@MODELS.register_module()
class Distillation(TransferModel):
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
        super().__init__(streams, transfers, phases, data_preprocessor, stores)
        self._begin(self.phases[0])
        tapped = {n: (s, self.taps(n)) for n, s in self.all_streams.items()}
        dry_run(self, tapped, self._transfers, self.history)

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
            check_branches_of_data(data)
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
                tasks[name] = task_loss(own)
        samples = {name: batch.get('data_samples') for name, batch in batches.items()}
        outputs.update(self.history.read(outputs, samples))
        if self.training:
            self.history.write(outputs, samples)
        if self._unproven and self.training and torch.is_grad_enabled():
            self._prove(outputs)
        for name, transfer in self._acting.items():
            task = tasks.get(transfer.learner)
            losses[name] = transfer(outputs, samples, progress, task)
            # Logged, but not added to the total: the word `loss` is left out.
            stats = transfer.stats.items()
            losses.update({logged_name(name, key): value for key, value in stats})
        return losses

    def _prove(self, outputs: dict[Tap, Any]) -> None:
        """Check, in the first step of a phase, that its transfers have gradients."""
        for transfer in self._unproven:
            check_graph(transfer, outputs, self.all_streams)
        self._unproven.clear()

    def _step(
        self, stream: Stream, batch: dict[str, Any], progress: Progress
    ) -> tuple[Losses, dict[Tap, Any]]:
        """Run one stream: its own losses, and what its taps yield."""
        return stream.step(batch)

    def parse_losses(self, losses: Losses) -> tuple[torch.Tensor, Losses]:
        """Add the losses up, with the results of MMEngine's own method.

        Args:
            losses (dict[str, Tensor]): The losses by name.

        Returns:
            tuple[Tensor, dict]: Their sum, and what is logged.
        """
        return total_loss(losses)

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
            forget_losses(list(self._acting))
            self._begin(phase)
            self._drop_gradients()
            self.train(self.training)
            forget_compiled()
        if self.training and progress.iter == 0:
            # Those that act now see it themselves.
            for transfer in self._idle():
                transfer.forget()

    def _idle(self) -> list[Transfer]:
        """The transfers that do not act in this phase."""
        return [t for n, t in self._transfers.items() if n not in self._acting]

    def _drop_gradients(self) -> None:
        """Drop what was accumulated for what does not learn in this phase."""
        frozen = [self.all_streams[name].model for name in self._phase.frozen]
        for module in (*self._idle(), *frozen):
            module.zero_grad(set_to_none=True)

    def _begin(self, phase: Phase) -> None:
        """Determine what runs in each step of a phase."""
        self._phase = phase
        self._acting = {n: t for n, t in self._transfers.items() if phase.acts(n)}
        #: Transfers whose targets have not been seen to have a gradient.
        self._unproven: list[Transfer] = list(self._acting.values())
        for transfer in self._acting.values():
            transfer.enter(self.phases.index(phase))
        for name, stream in self.all_streams.items():
            stream.enter(self.taps(name, list(self._acting.values())), phase.frozen)
        self._running = [name for name in self.order if self.all_streams[name].runs]
