# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Tells schedules where the learning rate drops."""

import copy
from collections.abc import Iterator, Sequence
from typing import Any, Union

from mmengine.hooks import Hook
from mmengine.logging import MessageHub
from mmengine.optim import MultiStepParamScheduler
from mmengine.runner import EpochBasedTrainLoop, Runner

from dynkd.registry import HOOKS

#: A smaller relative change of the learning rate is rounding.
_ROUNDING = 1e-6
#: So many epochs (iterations) in a row with a drop in each are not steps, unless they
#: are listed as such.
_SLOPE = 3


@HOOKS.register_module()
class LearningRateHook(Hook):
    """Tells schedules where the learning rate drops, such as
    :class:`~dynkd.models.schedules.ReviewSchedule`.

    Before the training it runs copies of the runner's own ``param_schedulers`` through
    the whole training, so that the drops are those of the learning rate as it will be:
    of any scheduler of MMEngine, several in a row, by epochs or by iterations, one list
    or one per stream. The real ones are not touched. A rise (a warm-up) is not a drop.
    A drop within an epoch counts from the next epoch on (ours).

    It writes ``lr_drops``, ``lr_without_steps`` and ``by_epoch`` into the message hub,
    where :meth:`~dynkd.models.schedules.Progress.current` finds them. They are
    simulated in each run, also in one that is resumed.
    """

    # The first iteration already needs the drops.
    priority = 'VERY_HIGH'

    def before_train(self, runner: Runner) -> None:
        """Find the drops of every learning rate.

        Args:
            runner (Runner): The runner.
        """
        loop = runner.train_loop
        by_epoch = isinstance(loop, EpochBasedTrainLoop)
        length = len(loop.dataloader) if by_epoch else 1
        schedulers = runner.param_schedulers or []
        if not isinstance(schedulers, dict):
            schedulers = {'': schedulers}
        drops: dict[str, tuple[int, ...]] = {}
        reasons: dict[str, str] = {}
        for name, own in schedulers.items():
            found = _find_drops(own, loop.max_iters, length, by_epoch)
            if isinstance(found, str):
                reasons[name] = found
            else:
                drops[name] = found
        hub = MessageHub.get_current_instance()
        infos = dict(lr_drops=drops, lr_without_steps=reasons, by_epoch=by_epoch)
        for key, value in infos.items():
            hub.update_info(key, value)


class _Dial:
    """The part of an optimizer that schedulers change: one learning rate."""

    def __init__(self, group: dict[str, Any]) -> None:
        self.param_groups = [group]
        self._global_step = 0

    def step(self) -> None:
        """Nothing: schedulers only ask whether it has been counted."""

    step._with_counter = True  # type: ignore[attr-defined]  # read by schedulers


def _find_drops(
    schedulers: Sequence[Any], max_iters: int, length: int, by_epoch: bool
) -> Union[tuple[int, ...], str]:
    """Where the learning rate of one optimizer drops, or why it has no drops.

    Args:
        schedulers (sequence): Its schedulers.
        max_iters (int): Iterations of the training.
        length (int): Iterations of an epoch; 1 in a training that counts iterations.
        by_epoch (bool): Whether the training counts epochs.

    Returns:
        tuple[int, ...] or str: The epochs (iterations) of the drops, or the reason.
    """
    metric = [s for s in schedulers if getattr(s, 'need_val_args', False)]
    if metric:
        return (
            f'{type(metric[0]).__name__} follows a metric, so it is not known '
            'beforehand when it will drop.'
        )
    own = [s for s in schedulers if s.param_name == 'lr']
    if not own:
        return ()
    top = float('-inf')
    drops: set[int] = set()
    unlisted: set[int] = set()
    for step, rate, listed in _rates(own, max_iters, length, by_epoch):
        if top * (1 - _ROUNDING) <= rate <= top:
            continue
        # The first epoch that is trained at the lower rate from its beginning on.
        epoch = -(-step // length)
        if rate < top and epoch * length < max_iters:
            drops.add(epoch)
            if not listed:
                unlisted.add(epoch)
        top = rate
    slope = sorted(unlisted)
    for first, last in zip(slope, slope[_SLOPE - 1 :]):
        if last - first == _SLOPE - 1:
            kinds = ', '.join(dict.fromkeys(type(s).__name__ for s in own))
            unit = 'epochs' if by_epoch else 'iterations'
            return (
                f'its schedule ({kinds}) lowers it in each of the {unit} {first} to '
                f'{last}.'
            )
    return tuple(sorted(drops))


def _rates(
    schedulers: Sequence[Any], max_iters: int, length: int, by_epoch: bool
) -> Iterator[tuple[int, float, bool]]:
    """The learning rate wherever a scheduler may have changed it.

    The steps are those of MMEngine's ``ParamSchedulerHook``. Of several groups of
    parameters the one with the highest learning rate is followed: the others have the
    same schedule.

    Yields:
        tuple[int, float, bool]: Iterations that are done, the learning rate then, and
        whether what lowered it there is a list of steps.
    """
    groups = schedulers[0].optimizer.param_groups
    index = max(range(len(groups)), key=lambda i: groups[i]['initial_lr'])
    group = {key: value for key, value in groups[index].items() if key != 'params'}
    group['lr'] = group['initial_lr']
    dial = _Dial(group)
    copies = [_restarted(scheduler, dial, index) for scheduler in schedulers]
    yield 0, group['lr'], True
    by_iter = [scheduler for scheduler in copies if not scheduler.by_epoch]
    for done in range(1, max_iters + 1):
        by_iter = [s for s in by_iter if s._global_step + 1 < s.end]
        epoch_ends = by_epoch and done % length == 0
        due = by_iter + [s for s in copies if epoch_ends and s.by_epoch]
        listed = True
        for scheduler in due:
            before = group['lr']
            scheduler.step()
            if group['lr'] < before:
                listed = listed and isinstance(scheduler, MultiStepParamScheduler)
        if due:
            yield done, group['lr'], listed


def _restarted(scheduler: Any, dial: _Dial, index: int) -> Any:
    """A copy of a scheduler at its beginning, for another learning rate."""
    memo = {id(scheduler.optimizer): dial}
    copied = copy.deepcopy(scheduler, memo)
    copied.verbose = False
    copied.base_values = [scheduler.base_values[index]]
    copied.last_step = copied._global_step = -1
    copied.step()
    return copied
