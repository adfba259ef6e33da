# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Schedules whose numbers must lie in a range."""

import math
from collections.abc import Sequence
from typing import Annotated, Any, Union

from mmengine.registry import DefaultScope

from dynkd.registry import SCHEDULES
from dynkd.utils.annotations import find_fault
from dynkd.utils.kinds import Range

from .progress import Progress
from .schedules import ConstantSchedule, ExponentialSchedule, Schedule

#: Where schedules keep the numbers between which they move.
_ENDS = ('start', 'stop', 'constant', 'values')


class BoundedSchedule:
    """A schedule whose numbers must lie in a range: a probability, a share.

    Args:
        number (float or dict): The number, or the config of a schedule of it.
        name (str): What the number is, for messages: ``'interaction: probability'``.
        low (float): The lower end of the range. Defaults to 0.0.
        high (float): The upper end of the range, which belongs to it. Defaults to 1.0.
        low_open (bool): Whether the lower end does not belong to the range. Defaults
            to False.

    Raises:
        ValueError: If the number, or an end of its schedule, lies outside, or an
            :class:`ExponentialSchedule` does not fall; when called, if the schedule
            leaves the range.
    """

    def __init__(
        self,
        number: Union[float, dict[str, Any]],
        name: str,
        low: float = 0.0,
        high: float = 1.0,
        low_open: bool = False,
    ) -> None:
        self.name = name
        self.low = low
        self.high = high
        self.low_open = low_open
        if isinstance(number, dict):
            with DefaultScope.overwrite_default_scope('dynkd'):
                self.schedule: Schedule = SCHEDULES.build(dict(number))
            self._check_ends()
        else:
            self.schedule = ConstantSchedule(self._checked(number))

    def __call__(self, progress: Progress) -> float:
        """The number at a point of the training.

        Args:
            progress (Progress): How far the training is.

        Returns:
            float: The number.
        """
        return self._checked(self.schedule(progress))

    def _check_ends(self) -> None:
        """Reject a schedule that begins or ends outside, or grows without an end."""
        kind = type(self.schedule).__name__
        for end in _ENDS:
            numbers = getattr(self.schedule, end, [])
            if isinstance(numbers, str) or not isinstance(numbers, Sequence):
                numbers = [numbers]
            for number in numbers:
                self._checked(number, f' (`{end}` of {kind})')
        if isinstance(self.schedule, ExponentialSchedule):
            gamma = self.schedule.gamma
            if not 0 < gamma <= (1 if self.high < math.inf else math.inf):
                most = '1]' if self.high < math.inf else 'inf)'
                raise ValueError(
                    f'{self.name}: `gamma` of {kind} must be a number in (0, {most}, '
                    'so that the schedule stays in its range to the end of the '
                    f'training, got {gamma!r}'
                )

    def _checked(self, number: float, where: str = '') -> float:
        """Reject a number that lies outside."""
        bounds = Range(self.low, self.high, self.low_open)
        if find_fault(number, Annotated[float, bounds]) is None:
            return number
        raise ValueError(
            f'{self.name}{where} must be a number in {bounds}, or the config of a '
            f'schedule of such numbers, got {number!r}'
        )
