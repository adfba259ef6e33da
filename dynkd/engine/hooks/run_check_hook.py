# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Checks, before the first step, what a model does not know when it is built."""

from collections.abc import Iterator

import torch.nn as nn
from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop, Runner

from dynkd.engine.optimizers.unused_parameters import check_unused_parameters
from dynkd.models.algorithms import Distillation
from dynkd.registry import HOOKS
from dynkd.utils import TrainingData, unwrap

from .run_checks import check_best, check_phase_ends, check_plateaus, check_units


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
    - ``save_best`` names a metric of a stream that is validated.
    - What leaves parameters unused needs ``find_unused_parameters = True`` in several
      processes.

    A model that is not a distillation is left alone.
    """

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
        check_unused_parameters(runner.model)
        for check in (check_units, check_phase_ends, check_plateaus, check_best):
            check(runner, model)
        by_epoch = isinstance(runner.train_loop, EpochBasedTrainLoop)
        data = TrainingData(runner.train_dataloader, by_epoch)
        for name, part in _trained_on(model):
            for module in part.modules():
                check_data = getattr(module, 'data_fault', None)
                fault = check_data(data) if callable(check_data) else ''
                if fault:
                    raise ValueError(f'{name}: {fault}')


def _trained_on(model: Distillation) -> Iterator[tuple[str, nn.Module]]:
    """The parts of a distillation that the data may not suit, and their names."""
    for name, transfer in model.transfers.items():
        yield f'transfer `{name}` ({transfer})', transfer
    for name in model.streams:
        branches = model.stream(name).branches
        if branches is not None:
            yield f'branches of stream `{name}`', branches
