# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Checks, before the first step, what a model does not know when it is built."""

from collections.abc import Iterator
from typing import Union

import torch.nn as nn
from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop, Runner

from dynkd.engine.optimizers import check_unused_parameters
from dynkd.engine.schedules import BoundedSchedule, Schedule
from dynkd.registry import HOOKS
from dynkd.utils import TrainingData, unwrap


@HOOKS.register_module()
class RunCheckHook(Hook):
    """Checks, before the first step, what a distillation does not know when it is
    built: the data, the loop and the processes that train it.

    - Losses and connectors of all transfers, also of later phases, that have a method
      ``data_fault`` are given the :class:`~dynkd.utils.TrainingData`, and return what
      is wrong with them: :class:`~dynkd.models.connectors.CKARatio` needs 4 images a
      batch, :class:`~dynkd.models.losses.FGDLoss` boxes. The first sample may be read
      for it; random numbers stay as they are, and a transform that caches samples has
      this one already.
    - In a training that counts iterations, schedules and phases must not count epochs:
      they would stay at their beginning.
    - What leaves parameters unused needs ``find_unused_parameters = True`` in several
      processes.

    A model that is no distillation is left alone.
    """

    def before_train(self, runner: Runner) -> None:
        """Check the run.

        Args:
            runner (Runner): The runner.

        Raises:
            ValueError: If the run cannot work; the message says which part cannot, why,
                and what would help.
        """
        model = unwrap(runner.model)
        if not hasattr(model, 'transfers'):
            return
        check_unused_parameters(runner.model)
        if not isinstance(runner.train_loop, EpochBasedTrainLoop):
            _check_units(model, type(runner.train_loop).__name__)
        data = TrainingData(runner.train_dataloader)
        for name, transfer in model.transfers.items():
            for module in transfer.modules():
                fault = module.data_fault(data) if hasattr(module, 'data_fault') else ''
                if fault:
                    raise ValueError(f'transfer `{name}` ({transfer}): {fault}')


def _check_units(model: nn.Module, loop: str) -> None:
    """Refuse what counts epochs in a training that has none."""
    counting = [phase.name for phase in model.phases[1:] if phase.by_epoch]
    found = [f'phase `{name}`' for name in counting]
    for owner, schedule in _schedules(model):
        if schedule.by_epoch:
            found.append(f'{type(schedule).__name__} of {owner}')
    if found:
        raise ValueError(
            f'{found[0]} counts epochs, of which {loop} has none: it would stay at its '
            'beginning. Set `by_epoch=False` there, and count iterations.'
        )


def _schedules(model: nn.Module) -> Iterator[tuple[str, Schedule]]:
    """The schedules of a distillation, and what has them."""
    owners: dict[str, object] = dict(model.named_modules())
    if hasattr(model, 'interaction'):
        owners['interaction'] = model.interaction
    for name, owner in owners.items():
        for value in vars(owner).values():
            schedule: Union[Schedule, object] = value
            if isinstance(value, BoundedSchedule):
                schedule = value.schedule
            if isinstance(schedule, Schedule):
                yield f'`{name}`', schedule
