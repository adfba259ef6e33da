# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Numbers of optimizers, learning rates and loops, checked by :class:`RunCheckHook`."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

from mmengine.optim import BaseOptimWrapper, OptimWrapperDict
from mmengine.runner import Runner

from dynkd.engine.optimizers.numbers import check_clip, check_group
from dynkd.models.algorithms import Distillation
from dynkd.utils import check_field
from dynkd.utils.kinds import Count, Index

#: What schedules that follow a metric have found so far; infinite at first.
_FOUND = ('best', 'mode_worse')


def check_optimizers(runner: Runner, model: Distillation) -> None:
    """Reject learning rates, decays and clips with which nothing can be learned.

    Args:
        runner (Runner): The runner.
        model (Distillation): The distillation.

    Raises:
        TypeError: If one is not a number.
        ValueError: If one is not finite, or negative.
    """
    wrapper = runner.optim_wrapper
    if not isinstance(wrapper, BaseOptimWrapper):  # it is not built yet
        return
    several = isinstance(wrapper, OptimWrapperDict)
    for name, single in wrapper.items() if several else [('', wrapper)]:
        owner = f'optim_wrapper of stream `{name}`' if name else 'optim_wrapper'
        for group in single.optimizer.param_groups:
            check_group(group, owner)
        check_clip(getattr(single, 'clip_grad_kwargs', None), owner)


def check_schedulers(runner: Runner, model: Distillation) -> None:
    """Reject schedules of learning rates whose numbers are not finite.

    Args:
        runner (Runner): The runner.
        model (Distillation): The distillation.

    Raises:
        ValueError: If a number is not finite, or a milestone is negative.
    """
    schedulers = runner.param_schedulers or []
    if not isinstance(schedulers, dict):
        schedulers = {'': schedulers}
    for stream, several in schedulers.items():
        whose = f' of stream `{stream}`' if stream else ''
        for scheduler in several:
            owner = f'param_scheduler{whose}: {type(scheduler).__name__}'
            for key, value in vars(scheduler).items():
                if key == 'milestones':
                    for milestone in value:
                        check_field(milestone, Index, key, owner)
                elif key not in _FOUND and not all(map(math.isfinite, _numbers(value))):
                    raise ValueError(f'{owner}: `{key}` must be finite, got {value}.')


def check_interval(runner: Runner, model: Distillation) -> None:
    """Reject an interval of validations that never comes.

    Args:
        runner (Runner): The runner.
        model (Distillation): The distillation.

    Raises:
        TypeError: If it is not an integer.
        ValueError: If it is not at least 1.
    """
    interval = getattr(runner.train_loop, 'val_interval', 1)
    check_field(interval, Count, 'train_cfg.val_interval')


def _numbers(value: Any) -> Iterator[float]:
    """The numbers in nested lists."""
    if isinstance(value, (int, float)):
        yield value
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for item in value:
            yield from _numbers(item)
