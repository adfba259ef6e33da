# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Checks, before the first step, what a model does not know when it is built."""

import logging
from collections.abc import Iterator
from typing import Any, Optional

import torch.nn as nn
from mmengine.hooks import Hook, LoggerHook
from mmengine.logging import print_log
from mmengine.runner import BaseLoop, EpochBasedTrainLoop, Runner

from dynkd.engine.optimizers.unused_parameters import check_unused_parameters
from dynkd.models.algorithms import Distillation
from dynkd.registry import HOOKS
from dynkd.utils import TrainingData, unwrap

from .finite_hook import FiniteHook
from .run_bases import check_dropped_hooks
from .run_checks import (
    check_compiling,
    check_phase_ends,
    check_plateaus,
    check_statistics,
    check_units,
)
from .run_labels import check_labels, check_single_samples
from .run_metrics import check_metrics
from .run_numbers import check_interval, check_optimizers, check_schedulers
from .run_starts import PlainStart, check_teachers, check_work_dir

_CHECKS = (
    check_dropped_hooks,
    check_teachers,
    check_interval,
    check_optimizers,
    check_schedulers,
    check_units,
    check_phase_ends,
    check_plateaus,
    check_metrics,
    check_compiling,
    check_statistics,
    check_labels,
)

#: A transfer whose loss is more than so many times the task loss dominates it.
TOO_MUCH = 100


@HOOKS.register_module()
class RunCheckHook(Hook):
    """Checks, before the first step, what a distillation does not know when it is
    built: the data, the loop and the processes that train it.

    - Losses and connectors of all transfers, also of later phases, and branches that
      have a method ``data_fault`` receive the :class:`~dynkd.utils.TrainingData`, and
      return what is wrong with them: :class:`~dynkd.models.methods.dpk.CKARatio` needs
      4 images per batch, :class:`~dynkd.models.methods.fgd.FGDLoss` boxes,
      :class:`~dynkd.models.methods.dtskd.MixedFusionModule` 2 images in the last batch
      of an epoch, too. The first sample may be read for it; random numbers stay as
      they are, and a transform that caches samples has this one already.
    - In a training that counts iterations, schedules and phases must not count epochs:
      they would stay at their beginning. All phases begin before its end.
    - A learning rate that follows a metric of its stream must not count the epochs in
      which that stream is frozen.
    - ``save_best``, and what else follows a metric, names one of a stream that is
      validated.
    - Batches of one sample are refused where a batch normalisation would have a single
      value of each channel.
    - Learning rates, their schedules and clips are finite and not negative, and labels
      are classes of the streams that learn from them.
    - Numbers that are not finite stop the run: a :class:`FiniteHook` is added where
      there is none.
    - Steps that differ in what they run are compiled again and again by ``compile``:
      a warning.
    - Running statistics that are not those of the student alone: a warning.
    - Hooks of a base config that the config's own ``custom_hooks`` replaces: a warning.
    - No start checkpoint is in the work directory, where it would be replaced; a
      trained teacher without one is warned of; and plain weights in ``load_from``, as
      inherited from a student's config, are loaded into the main stream.
    - What leaves parameters unused needs ``find_unused_parameters = True`` in several
      processes.

    After the first step, and whenever losses are logged, it looks whether a transfer's
    loss is more than 100 times the task loss of its learner, and warns of it once.

    A run of a distillation that does not have this hook is given it. A model that is
    not a distillation is left alone.
    """

    def __init__(self) -> None:
        self._interval = 1
        self._seen = False
        self._warned: set[str] = set()
        self._start: Optional[PlainStart] = None

    def before_run(self, runner: Runner) -> None:
        """Add what every distillation should have, and look at what it starts from.

        Args:
            runner (Runner): The runner.

        Raises:
            ValueError: If the run would replace what it starts from.
        """
        if not hasattr(unwrap(runner.model), 'transfers'):
            return
        # It comes before this hook in the list, whose turn therefore comes once more.
        if not any(isinstance(hook, FiniteHook) for hook in runner.hooks):
            runner.register_hook(FiniteHook())
        # While a runner tests or validates, there is no training, or it is not built.
        if self._start is None and isinstance(runner._train_loop, BaseLoop):
            check_work_dir(runner, unwrap(runner.model))
            self._start = PlainStart(runner)

    def before_train(self, runner: Runner) -> None:
        """Check the run.

        Args:
            runner (Runner): The runner.

        Raises:
            ValueError: If the run cannot work; the message says which part cannot, why,
                and what would help.
        """
        model: Distillation = unwrap(runner.model)
        if not hasattr(model, 'transfers'):
            return
        if self._start is not None:
            self._start.load(model)
        check_unused_parameters(runner.model)
        for check in _CHECKS:
            check(runner, model)
        by_epoch = isinstance(runner.train_loop, EpochBasedTrainLoop)
        data = TrainingData(runner.train_dataloader, by_epoch)
        self._check_data(model, data)
        loggers = [hook for hook in runner.hooks if isinstance(hook, LoggerHook)]
        self._interval = loggers[0].interval if loggers else 10

    def _check_data(self, model: Distillation, data: TrainingData) -> None:
        """Check what learns against the training's data."""
        for name, part in _trained_on(model):
            for module in part.modules():
                check_data = getattr(module, 'data_fault', None)
                fault = check_data(data) if callable(check_data) else ''
                if fault:
                    raise ValueError(f'{name}: {fault}')
        check_single_samples(model, data)

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Optional[Any] = None,
        outputs: Optional[dict] = None,
    ) -> None:
        """Warn of transfers whose losses dominate the task loss.

        Args:
            runner (Runner): The runner.
            batch_idx (int): Index of the batch.
            data_batch (dict, optional): The batch.
            outputs (dict, optional): The losses.
        """
        # To read a loss is to wait for the accelerator, as the log does.
        due = not self._seen or self.every_n_inner_iters(batch_idx, self._interval)
        if not due:
            return
        self._seen = True
        transfers = getattr(unwrap(runner.model), 'transfers', {})
        for name, transfer in transfers.items():
            share = transfer.stats.get('share')
            if name not in self._warned and share is not None and share > TOO_MUCH:
                self._warned.add(name)
                print_log(
                    f'Transfer `{name}` is {float(share):.0f} times the task loss of '
                    f'its learner `{transfer.learner}` in iteration {runner.iter + 1}, '
                    'which hardly counts beside it. Lower its `loss_weight`, or let '
                    "dict(type='BalancedWeight') find one.",
                    logger='current',
                    level=logging.WARNING,
                )


def _trained_on(model: Distillation) -> Iterator[tuple[str, nn.Module]]:
    """The parts of a distillation that the data may not suit, and their names."""
    for name, transfer in model.transfers.items():
        yield f'transfer `{name}` ({transfer})', transfer
    for name in model.streams:
        branches = model.stream(name).branches
        if branches is not None:
            yield f'branches of stream `{name}`', branches
