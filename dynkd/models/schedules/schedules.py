# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Schedules: numbers as pure functions of training progress."""

import math
from abc import ABCMeta, abstractmethod
from collections.abc import Sequence
from typing import Optional

from dynkd.registry import SCHEDULES
from dynkd.utils.kinds import Index

from .progress import Progress


class Schedule(metaclass=ABCMeta):
    """A number as a function of training progress.

    A schedule keeps no state, so a resumed training needs none.

    Args:
        begin (int): Epoch (or iteration) at which the number begins to change.
            Defaults to 0.
        by_epoch (bool): Whether to count epochs, else iterations. Defaults to True.
    """

    #: The first point at which the number may begin to change.
    earliest = 0

    def __init__(self, begin: int = 0, by_epoch: bool = True) -> None:
        if begin < self.earliest:
            raise ValueError(
                f'{type(self).__name__}: `begin` is negative ({begin}); the least is '
                f'{self.earliest}.'
            )
        self.begin = begin
        self.by_epoch = by_epoch

    def __call__(self, progress: Progress) -> float:
        """The number at a point of the training.

        Args:
            progress (Progress): How far the training is.

        Returns:
            float: The number.
        """
        done = progress.epoch if self.by_epoch else progress.iter
        return self.value(max(done - self.begin, 0), progress)

    @abstractmethod
    def value(self, since: int, progress: Progress) -> float:
        """The number ``since`` epochs or iterations after ``begin``.

        Args:
            since (int): Epochs (or iterations) since ``begin``, 0 before it.
            progress (Progress): How far the training is.

        Returns:
            float: The number.
        """


@SCHEDULES.register_module()
class ConstantSchedule(Schedule):
    """The same number throughout.

    Args:
        value (float): The number.
    """

    def __init__(self, value: float) -> None:
        super().__init__(by_epoch=False)  # it counts nothing
        self.constant = value

    def value(self, since: int, progress: Progress) -> float:
        """See :meth:`Schedule.value`."""
        return self.constant


class _RampSchedule(Schedule):
    """From one number to another between two points of the training.

    Args:
        start (float): The number until ``begin``.
        stop (float): The number from ``end`` on.
        begin (int): Epoch (or iteration) at which it begins to change. -1 counts epochs
            from 1: after the first of n steps, the epoch 0, 1/n of the way is done, as
            in Eq. 7 of `Dual teachers for self-knowledge distillation`, which begins
            at t = 1. Defaults to 0.
        end (int, optional): Epoch (or iteration) from which it is ``stop``. Defaults to
            None: the last one of the training.
        by_epoch (bool): Whether to count epochs, else iterations. Defaults to True.

    Raises:
        ValueError: If ``begin`` is less than -1, or ``end`` is not greater than
            ``begin``.
    """

    earliest = -1

    def __init__(
        self,
        start: float,
        stop: float,
        begin: int = 0,
        end: Optional[int] = None,
        by_epoch: bool = True,
    ) -> None:
        super().__init__(begin, by_epoch)
        if end is not None and end <= begin:
            raise ValueError(
                f'{type(self).__name__}: `end` ({end}) must be greater than `begin` '
                f'({begin}).'
            )
        self.start = start
        self.stop = stop
        self.end = end

    def value(self, since: int, progress: Progress) -> float:
        """See :meth:`Schedule.value`."""
        end = self.end
        if end is None:
            total = progress.max_epochs if self.by_epoch else progress.max_iters
            if total is None:
                raise RuntimeError(
                    f'{type(self).__name__} has no `end`, and no runner says how long '
                    'the training is. Give it an `end`.'
                )
            end = total - 1
        fraction = min(since / max(end - self.begin, 1), 1.0)
        return self.start + (self.stop - self.start) * self.shape(fraction)

    @abstractmethod
    def shape(self, fraction: float) -> float:
        """Map the share of the way in time to the share of the way in value."""


@SCHEDULES.register_module()
class LinearSchedule(_RampSchedule):
    __doc__ = 'In equal steps. ' + (_RampSchedule.__doc__ or '')

    def shape(self, fraction: float) -> float:
        """See :meth:`_RampSchedule.shape`."""
        return fraction


@SCHEDULES.register_module()
class CosineSchedule(_RampSchedule):
    __doc__ = 'Along half a cosine wave. ' + (_RampSchedule.__doc__ or '')

    def shape(self, fraction: float) -> float:
        """See :meth:`_RampSchedule.shape`."""
        return (1 - math.cos(math.pi * fraction)) / 2


@SCHEDULES.register_module()
class ExponentialSchedule(Schedule):
    """Multiplied by the same factor in every epoch (or iteration).

    Args:
        start (float): The number until ``begin``.
        gamma (float): The factor.
        begin (int): Epoch (or iteration) at which it begins to change. Defaults to 0.
        by_epoch (bool): Whether to count epochs, else iterations. Defaults to True.
    """

    def __init__(
        self, start: float, gamma: float, begin: int = 0, by_epoch: bool = True
    ) -> None:
        super().__init__(begin, by_epoch)
        self.start = start
        self.gamma = gamma

    def value(self, since: int, progress: Progress) -> float:
        """See :meth:`Schedule.value`."""
        return self.start * self.gamma**since


@SCHEDULES.register_module()
class StepSchedule(Schedule):
    """Constant between milestones.

    Args:
        values (sequence of float): The numbers, one more than there are milestones.
        milestones (sequence of int): Epochs (or iterations) from which the next number
            holds, increasing.
        by_epoch (bool): Whether to count epochs, else iterations. Defaults to True.

    Raises:
        ValueError: If the lengths do not fit or the milestones do not increase.
    """

    def __init__(
        self,
        values: Sequence[float],
        milestones: Sequence[Index],
        by_epoch: bool = True,
    ) -> None:
        super().__init__(by_epoch=by_epoch)
        if len(values) != len(milestones) + 1:
            raise ValueError(
                f'StepSchedule has {len(milestones)} milestones and needs '
                f'{len(milestones) + 1} values, not {len(values)}.'
            )
        if list(milestones) != sorted(set(milestones)):
            raise ValueError(f'StepSchedule: milestones {milestones} must increase.')
        self.values = list(values)
        self.milestones = list(milestones)

    def value(self, since: int, progress: Progress) -> float:
        """See :meth:`Schedule.value`."""
        return self.values[sum(milestone <= since for milestone in self.milestones)]
