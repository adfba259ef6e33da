# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Kinds of fields: types with the range that their values must lie in.

They stand in annotations, ``loss_weight: Weight = 1.0``, and are checked by
:func:`~dynkd.utils.fields.checked`. A plain ``float`` is any finite number.
"""

import math
from dataclasses import dataclass
from typing import Annotated, Any, Union


@dataclass(frozen=True)
class Range:
    """A range of numbers.

    Args:
        low (float): The lower end. Defaults to minus infinity.
        high (float): The upper end, which belongs to it. Defaults to infinity.
        low_open (bool): Whether the lower end does not belong to it. Defaults to False.
    """

    low: float = -math.inf
    high: float = math.inf
    low_open: bool = False

    def __str__(self) -> str:
        ends = '(' if self.low_open else '[', ']' if self.high < math.inf else ')'
        return f'{ends[0]}{self.low:g}, {self.high:g}{ends[1]}'

    def fault(self, value: float) -> str:
        """What a number must be that lies outside.

        Args:
            value (float): A number.

        Returns:
            str: The words; empty if it lies inside.
        """
        above = value > self.low if self.low_open else value >= self.low
        if above and value <= self.high:
            return ''
        if self.high < math.inf:
            return f'must lie in {self}'
        if self.low == 0:
            return 'must be positive' if self.low_open else 'must not be negative'
        return f'must be at least {self.low:g}'


class _NotEmpty:
    """Texts and lists with something in them."""

    def fault(self, value: Any) -> str:
        """What an empty one must be."""
        return '' if len(value) else 'must not be empty'


#: A factor of a loss: negative ones would maximise it.
Weight = Annotated[float, Range(low=0)]
#: A factor of a loss, or the config of a schedule of it.
ScheduledWeight = Union[Weight, dict[str, Any]]
#: A number above zero.
Positive = Annotated[float, Range(low=0, low_open=True)]
#: What divides logits: so small that they overflow, or so large that they vanish, it
#: leaves nothing to learn.
Temperature = Annotated[float, Range(low=1e-3, high=1e4)]
#: A probability, or a share.
Probability = Annotated[float, Range(low=0, high=1)]
#: A share of which there is some.
Share = Annotated[float, Range(low=0, high=1, low_open=True)]
#: How many: one at least.
Count = Annotated[int, Range(low=1)]
#: How many, or which: zero at least.
Index = Annotated[int, Range(low=0)]
#: A text that is not empty, as of a path or a name.
Text = Annotated[str, _NotEmpty()]
