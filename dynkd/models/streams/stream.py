# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Streams: the models that take part in training, and how they run in a step."""

import logging
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any, Optional

import torch
from mmengine.logging import print_log
from torch import nn

from dynkd.models.taps import Recorder, Tap, TapError, collect

from .branches import (
    StageBranches,
    branches_of,
    predict_branches,
    record_branched,
)
from .checkpoint import BRANCHES
from .config import StreamConfig
from .inputs import fit_clips, select_input
from .memory_format import channels_last, order_weights
from .names import missing_stream
from .observe import is_observable, run_observed
from .preprocess import preprocess
from .proposals import SharedProposals, in_roi_head
from .transformer import is_detr_like, run_transformer

_NORMS = (nn.modules.batchnorm._BatchNorm, nn.modules.instancenorm._InstanceNorm)
#: What a model raises on inputs of a shape that is not its own.
_WRONG_SHAPE = (RuntimeError, ValueError, AssertionError)
#: Images (RoIs) in the batch of a dry run.
DRY_BATCH = 4


class Stream:
    """A model that takes part in training, and how it runs.

    A stream is not a module: the distillation registers the models of the trained
    streams, and keeps those of the frozen streams out of parameters and checkpoints.

    Args:
        cfg (StreamConfig): What the config says about it.
        model (BaseModel): Its model, as :meth:`StreamConfig.build` returns it.
    """

    def __init__(self, cfg: StreamConfig, model: Any) -> None:
        self.cfg = cfg
        self.model = model
        #: The proposals that the stream classifies besides its own.
        self.proposals: Optional[SharedProposals] = None
        #: The proposals that the stream samples for others.
        self.provided: Optional[SharedProposals] = None
        self.enter((), ())

    @property
    def name(self) -> str:
        """str: Its name."""
        return self.cfg.name

    @property
    def branches(self) -> Optional[StageBranches]:
        """StageBranches or None: The classifiers on its stages."""
        return branches_of(self.model)

    @property
    def has_task(self) -> bool:
        """bool: Whether its own losses, of its task and branches, have weights."""
        branches = self.branches
        return bool(self.cfg.loss_weight or (branches and branches.loss_weight))

    # ------------------------------------------------------------------ phases

    def enter(self, taps: Sequence[Tap], frozen: Sequence[str]) -> None:
        """Begin a phase of the training.

        Args:
            taps (sequence of Tap): The taps of the stream that are read in the phase.
            frozen (sequence of str): Names of the streams that are frozen in the phase.
        """
        self.learns = not self.cfg.frozen and self.name not in frozen
        shared = self.proposals
        self._late = [tap for tap in taps if shared is not None and in_roi_head(tap)]
        early = [tap for tap in taps if tap not in self._late]
        if self._late and shared is not None:
            early = list(dict.fromkeys([*early, shared.features(self.model)]))
        self._early = Recorder(early)
        self._observable = self.is_observable(early)

    @property
    def reads_samples(self) -> bool:
        """bool: Whether its model sees data samples in a step of this phase."""
        return self.learns or not self._observable

    @property
    def runs(self) -> bool:
        """bool: Whether the stream runs in a step of this phase."""
        return self.learns or bool(self._early.taps) or bool(self._late)

    def train(self, mode: bool) -> None:
        """Set the mode of its modules: frozen streams stay in evaluation mode.

        Args:
            mode (bool): Whether the distillation trains.
        """
        if not self.learns:
            self.model.eval()
        elif mode and self.cfg.norm_eval:
            for layer, module in self.model.named_modules():
                # New branches have no statistics yet that could be kept.
                if isinstance(module, _NORMS) and not layer.startswith(BRANCHES):
                    module.eval()

    def init_weights(self) -> None:
        """Initialise the model, unless a checkpoint or its builder has."""
        if self.cfg.checkpoint is None:
            if not self.cfg.is_built:
                self.model.init_weights()
            elif self.branches is not None:
                self.branches.init_weights()
        if self.cfg.channels_last:
            order_weights(self.model)

    # ------------------------------------------------------------------- steps

    def prepare(self, data: dict[str, Any], training: bool) -> dict[str, Any]:
        """Preprocess a batch, with the stream's own data preprocessor.

        Args:
            data (dict): A batch as the data loader returns it.
            training (bool): Whether it is for training.

        Returns:
            dict: ``inputs`` and ``data_samples`` as the model receives them.
        """
        own = dict(data)
        if isinstance(own['inputs'], dict):
            own['inputs'] = select_input(own['inputs'], self.cfg)
        preprocessor = self.model.data_preprocessor
        own['inputs'] = fit_clips(own['inputs'], preprocessor, self.name)
        prepared = preprocess(preprocessor, own, training)
        if self.cfg.channels_last:
            prepared['inputs'] = channels_last(prepared['inputs'])
        return prepared

    def step(
        self, batch: dict[str, Any]
    ) -> tuple[dict[str, torch.Tensor], dict[Tap, Any]]:
        """Run a training step: forward, once.

        Args:
            batch (dict): A batch that :meth:`prepare` returned.

        Returns:
            tuple[dict, dict]: The stream's own losses, without any if it does not learn
            in this phase; and what its taps yielded.
        """
        losses: dict[str, torch.Tensor] = {}
        if self.learns:
            provided = self.provided
            keep = provided.keep(self.model) if provided is not None else nullcontext()
            with keep, self._early(self.model) as recorded:
                losses = self.losses(batch)
        else:
            recorded = self.observe(self._early, **batch)
        outputs = collect(recorded)
        if self._late and self.proposals is not None:
            features = outputs[self.proposals.features(self.model)]
            with torch.set_grad_enabled(self.learns and torch.is_grad_enabled()):
                late = self.proposals.classify(self.model, features, self._late)
            outputs.update(collect(late))
        return losses, outputs

    def losses(self, batch: dict[str, Any]) -> dict[str, torch.Tensor]:
        """The losses of the stream by itself: of its task, and of its branches.

        Args:
            batch (dict): A batch that :meth:`prepare` returned.

        Returns:
            dict[str, Tensor]: The losses by name.
        """
        with record_branched(self.model) as stages:
            losses = self.model._run_forward(batch, mode='loss')
        weight = self.cfg.loss_weight
        if weight != 1:
            losses = {k: _weighted(v, weight, k) for k, v in losses.items()}
        branches = self.branches
        if branches is not None:
            logits = branches(stages)
            losses.update(branches.loss(logits, batch['data_samples']))
        return losses

    # Not `torch.inference_mode`: the backward pass of the learner's loss, or of a
    # connector, saves what is read here, which inference tensors forbid; and it was
    # measured to be no faster.
    @torch.no_grad()
    def observe(
        self,
        taps: Recorder,
        inputs: torch.Tensor,
        data_samples: Optional[Sequence] = None,
    ) -> dict[Tap, list[Any]]:
        """Run the model for its taps, without a graph.

        Args:
            taps (Recorder): The taps to record.
            inputs (Tensor): Preprocessed inputs, (B, C, H, W) for images.
            data_samples (list, optional): Preprocessed data samples. Defaults to None.

        Returns:
            dict[Tap, list]: What the taps yielded.
        """
        # A signature is looked up once in a phase.
        of_phase = taps is self._early
        observable = self._observable if of_phase else self.is_observable(taps.taps)
        return run_observed(self.model, taps, observable, inputs, data_samples)

    def is_observable(self, taps: Sequence[Tap]) -> bool:
        """Whether taps can be read without the model's own losses.

        Args:
            taps (sequence of Tap): Taps of the stream.

        Returns:
            bool: Whether all of them lie in a body or a head that runs on features
            alone.
        """
        return is_observable(self.model, taps)

    def predict(
        self, batch: dict[str, Any], branches: bool = False
    ) -> dict[str, list[Any]]:
        """Predict a batch.

        Args:
            batch (dict): A batch that :meth:`prepare` returned.
            branches (bool): Whether to predict with the branches too. Defaults to
                False.

        Returns:
            dict[str, list]: The predictions by the name of the stream, and of each
            branch (``'student.branches.0'``).
        """
        if not branches:
            return {self.name: self.model._run_forward(batch, mode='predict')}
        own, others = predict_branches(self.model, batch)
        found = {f'{self.name}.branches.{i}': other for i, other in enumerate(others)}
        return {self.name: own, **found}

    # ----------------------------------------------------------------- dry run

    def dry_run(self, taps: Sequence[Tap]) -> dict[Tap, Any]:
        """Run the stream on random inputs of its ``input_shape``, without a graph.

        Args:
            taps (sequence of Tap): Taps of the stream.

        Returns:
            dict[Tap, Any]: What the taps yielded; nothing if the stream cannot run on
            random inputs, of which a warning tells.

        Raises:
            TapError: If a tap does not yield what it should.
            ValueError: If the stream does not run on the shape that its config names.
        """
        taps = [tap for tap in taps if not tap.needs_losses]
        shared = self.proposals or self.provided
        late = [tap for tap in taps if shared is not None and in_roi_head(tap)]
        early = [tap for tap in taps if tap not in late]
        detr = is_detr_like(self.model)
        if not taps or not (detr or self.is_observable(early)):
            return {}
        # On the model's own device: it may have been built on a GPU.
        device = next(self.model.parameters()).device
        inputs = torch.randn(DRY_BATCH, *self.cfg.input_shape, device=device)
        try:
            if self.is_observable(early):
                recorded = self.observe(Recorder(early), inputs)
            else:
                with torch.no_grad(), Recorder(early)(self.model) as recorded:
                    run_transformer(self.model, inputs)
            if late and shared is not None:
                rois = [[index, 0, 0, 64, 64] for index in range(DRY_BATCH)]
                with torch.no_grad():
                    features = self.model.extract_feat(inputs)
                    boxes = inputs.new_tensor(rois)
                    recorded.update(shared.classify(self.model, features, late, boxes))
        except TapError:
            raise
        except Exception as error:
            if isinstance(error, _WRONG_SHAPE) and self._has_shape and not detr:
                raise ValueError(self._misfit(error)) from error
            print_log(
                f'{self._misfit(error)} Its taps are checked in the first step.',
                logger='current',
                level=logging.WARNING,
            )
            return {}
        return collect(recorded)

    @property
    def _has_shape(self) -> bool:
        """Whether its config says on which shape it runs."""
        return tuple(self.cfg.input_shape) != StreamConfig.input_shape

    def _misfit(self, error: Exception) -> str:
        """Say that it does not run on its ``input_shape``."""
        return (
            f'stream `{self.name}` does not run on random inputs of its input_shape='
            f'{self.cfg.input_shape} ({type(error).__name__}: {error}), so its taps '
            'cannot be checked. Set `input_shape` to the shape of its images, (C, H, '
            'W), or clips, (clips, C, T, H, W).'
        )


def find_stream(streams: Mapping[str, Stream], name: str) -> Stream:
    """The stream of a name.

    Args:
        streams (dict[str, Stream]): The streams by name.
        name (str): The name.

    Returns:
        Stream: The stream.

    Raises:
        ValueError: If there is no such stream.
    """
    if name not in streams:
        raise ValueError(missing_stream(name, streams))
    return streams[name]


def share_proposals(streams: Mapping[str, Stream]) -> None:
    """Give each stream that takes another's proposals access to them.

    Args:
        streams (dict[str, Stream]): The streams by name.

    Raises:
        ValueError: If one of the two has no RoI head, or a cascade.
    """
    models = {name: stream.model for name, stream in streams.items()}
    for name, reader in streams.items():
        if reader.cfg.proposals is None:
            continue
        provider = streams[reader.cfg.proposals]
        rois = None if provider.provided is None else provider.provided.rois
        reader.proposals = SharedProposals(provider.name, name, rois)
        reader.proposals.check(models)
        provider.provided = provider.provided or reader.proposals


def _weighted(value: Any, weight: float, key: str) -> Any:
    """Weigh a loss, which may be a list of them; what is not a loss stays."""
    if 'loss' not in key:
        return value
    if isinstance(value, torch.Tensor):
        return value * weight
    return [_weighted(item, weight, key) for item in value]
