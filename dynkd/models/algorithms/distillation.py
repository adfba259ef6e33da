# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Distillation: streams that learn together, and from each other."""

import copy
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any, Optional, Union

import torch
import torch.nn as nn
from mmengine.logging import MessageHub, print_log
from mmengine.model import BaseModel

from dynkd.engine.schedules import Progress
from dynkd.models.branches import predict_branches, record_branched
from dynkd.models.transfer_groups import expand_groups
from dynkd.registry import MODELS
from dynkd.utils import RandomState, check_streams_in
from dynkd.utils.checkpoint import BRANCHES

from .build import build_stores, build_transfers
from .checks import check_history, check_transfers, try_out
from .history import History
from .inputs import select_input, warn_of_unread
from .observe import observe
from .phase import Phase, check_phases, phase_at
from .proposals import SharedProposals, in_roi_head
from .stream import Stream, order_streams
from .tap import Tap, collect, record
from .transfer import Transfer

_NORMS = (nn.modules.batchnorm._BatchNorm, nn.modules.instancenorm._InstanceNorm)


@MODELS.register_module()
class Distillation(BaseModel):
    """Streams that learn together, and transfers between them.

    With transfers from a frozen teacher to a student this is static distillation; with
    a trained teacher and transfers in both directions it is `General Dynamic Knowledge
    Distillation` (Eq. 3); with source and target inside one stream it is
    self-distillation.

    Args:
        streams (dict[str, dict or str]): The streams by name, each as
            :class:`~dynkd.models.algorithms.stream.Stream` has it. The stream
            ``student`` gives the predictions of :meth:`val_step`; without one of that
            name, the last trained stream does.
        transfers (dict[str, dict], optional): The transfers by name, each as
            :class:`~dynkd.models.algorithms.transfer.Transfer` has it, or groups of
            them, such as
            :class:`~dynkd.models.transfer_groups.EvolutionaryTransfers`. The name has
            ``loss`` in it, as the names of losses in OpenMMLab do. Defaults to None.
        stores (dict[str, dict], optional): Stores of the streams' past predictions by
            name, each as :class:`~dynkd.models.stores.PredictionStore` has it. What
            they keep is what transfers read: ``source='history.student.head'``. The
            run needs a :class:`~dynkd.engine.hooks.StoreHook`. Defaults to None.
        phases (list[dict], optional): Parts of the training with transfers and frozen
            streams of their own, each as
            :class:`~dynkd.models.algorithms.phase.Phase` has it. Defaults to None: one
            phase, in which all transfers act.
        data_preprocessor (dict, optional): The data preprocessor of streams whose model
            names none. Each stream keeps its own.

    Raises:
        ValueError: If streams, transfers and phases do not fit each other; the message
            says which and why.
    """

    def __init__(
        self,
        streams: dict[str, Union[str, dict]],
        transfers: Optional[dict[str, dict]] = None,
        phases: Optional[list[dict]] = None,
        data_preprocessor: Optional[dict] = None,
        stores: Optional[dict[str, dict]] = None,
    ) -> None:
        super().__init__()
        self.specs = {
            name: Stream.from_cfg(name, cfg, data_preprocessor)
            for name, cfg in streams.items()
            if name != '_scope_'
        }
        self.order = order_streams(self.specs)
        models = {name: self.specs[name].build() for name in self.specs}
        self.streams = nn.ModuleDict(
            {name: model for name, model in models.items() if not self._frozen(name)}
        )
        # Outside of nn.Module's books: a frozen stream is neither in `parameters()`,
        # and so in no optimizer or gradient bucket, nor in `state_dict()`.
        self._resting = {name: m for name, m in models.items() if self._frozen(name)}
        if not self.streams:
            raise ValueError('all streams are frozen: there is nothing to train.')
        whole = expand_groups(transfers or {}, models, self.specs)
        self.transfers = nn.ModuleDict(build_transfers(whole))
        self.stores = build_stores(stores or {}, self.specs)
        self.history = History(self.stores, list(self.transfers.values()))
        self.phases = [Phase.from_cfg(cfg) for cfg in phases or [dict(name='all')]]
        check_phases(self.phases, list(self.streams), list(self.transfers))
        self._phase = self.phases[0]
        self._shared = {
            name: SharedProposals(spec.proposals, name)
            for name, spec in self.specs.items()
            if spec.proposals is not None
        }
        for shared in self._shared.values():
            shared.check(models)
        check_transfers(self)
        check_history(self, try_out(self))

    # ------------------------------------------------------------------ streams

    def _frozen(self, name: str) -> bool:
        return self.specs[name].frozen

    def stream(self, name: str) -> nn.Module:
        """The model of a stream.

        Args:
            name (str): Name of the stream.

        Returns:
            nn.Module: Its model.

        Raises:
            KeyError: If there is no such stream.
        """
        if name in self.streams:
            return self.streams[name]
        if name in self._resting:
            return self._resting[name]
        raise KeyError(
            f'there is no stream `{name}`. Streams: {", ".join(self.specs)}.'
        )

    @property
    def main_stream(self) -> str:
        """str: The stream whose predictions :meth:`val_step` returns."""
        return 'student' if 'student' in self.specs else list(self.streams)[-1]

    @property
    def constant_streams(self) -> list[str]:
        """list[str]: The streams of which training changes nothing."""
        return list(self._resting)

    def taps(self, stream: str) -> list[Tap]:
        """The taps of a stream that transfers read.

        Args:
            stream (str): Name of the stream.

        Returns:
            list[Tap]: The taps, of all phases and of stores, each once.
        """
        return self._taps(stream, list(self.transfers.values()))

    def _taps(self, stream: str, transfers: Sequence[Transfer]) -> list[Tap]:
        taps = [tap for transfer in transfers for tap in transfer.taps]
        taps += self.history.taps
        return list(dict.fromkeys(tap for tap in taps if tap.stream == stream))

    def init_weights(self) -> None:
        """Initialise what no checkpoint has filled."""
        for name, model in self.streams.items():
            if self.specs[name].checkpoint is None:
                model.init_weights()
        for transfer in self.transfers.values():
            for module in transfer.children():
                if hasattr(module, 'init_weights'):
                    module.init_weights()

    def train(self, mode: bool = True) -> 'Distillation':
        """Set the mode of the trained streams; what rests stays in evaluation mode.

        Args:
            mode (bool): Whether to train. Defaults to True.

        Returns:
            Distillation: Itself.
        """
        super().train(mode)
        for name, model in self.streams.items():
            if name in self._phase.frozen:
                model.eval()
            elif mode and self.specs[name].norm_eval:
                for layer, module in model.named_modules():
                    # New branches have no statistics yet that could be kept.
                    if isinstance(module, _NORMS) and not layer.startswith(BRANCHES):
                        module.eval()
        return self

    def _apply(self, fn: Any, *args: Any, **kwargs: Any) -> 'Distillation':
        """Move and cast the frozen streams too."""
        for model in self._resting.values():
            model._apply(fn, *args, **kwargs)
        return super()._apply(fn, *args, **kwargs)

    def _set_device(self, device: torch.device) -> None:
        """Tell the data preprocessors of the frozen streams too."""
        for model in self._resting.values():
            model._set_device(device)
        super()._set_device(device)

    def _load_from_state_dict(
        self, state_dict: dict[str, torch.Tensor], prefix: str, *args: Any
    ) -> None:
        """Refuse weights of which nothing is a stream's: MMEngine would only warn."""
        check_streams_in(state_dict, prefix, list(self.streams))
        super()._load_from_state_dict(state_dict, prefix, *args)

    # ------------------------------------------------------------------ steps

    def forward(
        self,
        inputs: Any,
        data_samples: Optional[Sequence] = None,
        mode: str = 'tensor',
    ) -> Union[dict[str, torch.Tensor], list, Any]:
        """Run the streams on a batch as the data loader gives it.

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
        name = self.main_stream
        return self._run(name, self._prepare(name, data, False), mode)

    def predict_streams(
        self, data: dict, names: Optional[Sequence[str]] = None
    ) -> dict[str, list]:
        """Predict with several streams, and their branches.

        Args:
            data (dict): A batch as the data loader gives it.
            names (sequence of str, optional): Streams (``'student'``) and branches
                (``'student.branches.0'``). Defaults to None: all streams.

        Returns:
            dict[str, list]: The predictions of each.
        """
        data = self.data_preprocessor(data, False)
        names = list(self.specs if names is None else names)
        found: dict[str, list] = {}
        for stream in dict.fromkeys(name.partition('.')[0] for name in names):
            batch = self._prepare(stream, data, False)
            if any(name.startswith(f'{stream}.') for name in names):
                found[stream], branches = predict_branches(self.stream(stream), batch)
                for index, predicted in enumerate(branches):
                    found[f'{stream}.branches.{index}'] = predicted
            else:
                found[stream] = self._run(stream, batch, 'predict')
        return {name: found[name] for name in names}

    def _run(self, name: str, data: dict, mode: str) -> Any:
        """Run one stream's model."""
        return self.stream(name)._run_forward(data, mode=mode)

    def _prepare(self, name: str, data: dict, training: bool) -> dict:
        """Preprocess a batch for one stream, leaving the batch as it is."""
        own = dict(data)
        if isinstance(own['inputs'], dict):
            own['inputs'] = select_input(own['inputs'], self.specs, name)
        # A batch augmentation may write into the images that it is given.
        return self.stream(name).data_preprocessor(copy.deepcopy(own), training)

    def _prepare_all(self, data: dict) -> dict[str, dict]:
        """Preprocess a training batch for all streams with the same random draws.

        Batch augmentations (mixup, random resizing) draw random numbers in the data
        preprocessor; the streams must see the same draws to be comparable.
        """
        warn_of_unread(data['inputs'], self.specs)
        state = RandomState.capture()
        batches = {}
        for name in self.order:
            if name in self._resting and not self.taps(name):
                continue  # nothing of it runs
            state.restore()
            batches[name] = self._prepare(name, data, True)
        return batches

    def _loss(self, data: dict) -> dict[str, torch.Tensor]:
        """The losses of a training step."""
        self._enter_phase()
        transfers = {n: t for n, t in self.transfers.items() if self._phase.acts(n)}
        batches = self._prepare_all(data)
        losses: dict[str, torch.Tensor] = {}
        outputs: dict[Tap, Any] = {}
        rois: dict[str, list[torch.Tensor]] = {}
        for name in batches:
            taps = self._taps(name, list(transfers.values()))
            own, yielded = self._step(name, batches[name], taps, rois)
            losses.update({f'{name}/{key}': value for key, value in own.items()})
            outputs.update(yielded)
        samples = {name: batch.get('data_samples') for name, batch in batches.items()}
        outputs.update(self.history.read(outputs, samples))
        if self.training:
            self.history.write(outputs, samples)
        for name, transfer in transfers.items():
            losses[name] = transfer(outputs, samples)
            # Logged, but not added to the total: the word `loss` is left out.
            stats = {_plain(name, key): value for key, value in transfer.stats.items()}
            losses.update(stats)
        return losses

    def _step(
        self,
        name: str,
        batch: dict,
        taps: list[Tap],
        rois: dict[str, list[torch.Tensor]],
    ) -> tuple[dict[str, torch.Tensor], dict[Tap, Any]]:
        """Run one stream: its own losses, if it is trained, and what its taps yield."""
        model = self.stream(name)
        shared = self._shared.get(name)
        late = [tap for tap in taps if shared is not None and in_roi_head(tap)]
        early = [tap for tap in taps if tap not in late]
        pyramid = shared.features(model) if late else None
        if pyramid is not None and pyramid not in early:
            early.append(pyramid)
        losses: dict[str, torch.Tensor] = {}
        resting = name in self._resting or name in self._phase.frozen
        if resting:
            recorded = observe(model, early, **batch) if early else {}
        else:
            readers = [s for s in self._shared.values() if s.provider == name]
            keep = readers[0].keep(model) if readers else nullcontext([])
            with keep as rois[name], record(model, early) as recorded:
                losses = self._own_losses(name, batch)
        yielded = collect(recorded)
        if late:
            with torch.set_grad_enabled(not resting and torch.is_grad_enabled()):
                yielded.update(
                    collect(
                        shared.classify(
                            model, yielded[pyramid], rois.get(shared.provider), late
                        )
                    )
                )
        return losses, yielded

    def _own_losses(self, name: str, batch: dict) -> dict[str, torch.Tensor]:
        """The losses of a stream by itself: of its task, and of its branches."""
        model = self.stream(name)
        with record_branched(model) as stages:
            losses = model._run_forward(batch, mode='loss')
        weight = self.specs[name].loss_weight
        if weight != 1:
            losses = {k: _weighted(v, weight, k) for k, v in losses.items()}
        branches = getattr(model, 'branches', None)
        if branches is not None:
            logits = branches(stages)
            losses.update(branches.loss(logits, batch['data_samples']))
        return losses

    def _enter_phase(self) -> None:
        """Follow the training's progress from phase to phase."""
        phase = phase_at(self.phases, Progress.current())
        if phase is not self._phase:
            print_log(f'Phase `{phase.name}` begins.', logger='current')
            self._phase = phase
            self.train(self.training)
            _forget_losses()


def _forget_losses() -> None:
    """Take the losses of the phase before out of MMEngine's log.

    It would repeat the last value of each to the end of the training.
    """
    scalars = MessageHub.get_current_instance().log_scalars
    for key in [key for key in scalars if key.startswith('train/') and 'loss' in key]:
        del scalars[key]


def _plain(transfer: str, key: str) -> str:
    """The name under which a transfer's measurement is logged: ``dpk/ratio``."""
    words = [word for word in transfer.split('_') if 'loss' not in word]
    return '/'.join([*filter(None, ['_'.join(words)]), key])


def _weighted(value: Any, weight: float, key: str) -> Any:
    """Weigh a loss, which may be a list of them; what is no loss stays."""
    if 'loss' not in key:
        return value
    if isinstance(value, torch.Tensor):
        return value * weight
    return [_weighted(item, weight, key) for item in value]
