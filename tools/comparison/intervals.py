# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Means, deviations and intervals over seeds."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scipy import stats


@dataclass(frozen=True)
class Difference:
    """A mean difference, paired by seed.

    Args:
        mean (float): The mean over the seeds that both have.
        half (float, optional): Half the width of its interval; None for one seed.
        pairs (int): How many seeds both have.
    """

    mean: float
    half: float | None
    pairs: int

    @property
    def decided(self) -> bool:
        """Whether the interval leaves 0 out."""
        return self.half is not None and abs(self.mean) > self.half


def paired_difference(
    values: Mapping[int, float], others: Mapping[int, float], confidence: float = 0.95
) -> Difference | None:
    r"""The difference of two rows with Student's t interval, paired by seed.

    .. math::
        \bar d \pm t_{(1 + c) / 2,\, n - 1}\, \frac{s_d}{\sqrt n}

    Args:
        values (dict[int, float]): The values of one row by seed.
        others (dict[int, float]): Those of the row that it is compared with.
        confidence (float): The confidence c. Defaults to 0.95.

    Returns:
        Difference or None: The difference; None if no seed is in both.
    """
    differences = [values[seed] - others[seed] for seed in values if seed in others]
    count = len(differences)
    if count == 0:
        return None
    mean = statistics.fmean(differences)
    if count == 1:
        return Difference(mean, None, 1)
    error = statistics.stdev(differences) / count**0.5
    return Difference(mean, stats.t.ppf((1 + confidence) / 2, count - 1) * error, count)


def mean_and_deviation(values: Sequence[float], digits: int = 3) -> str:
    """Write a mean with its standard deviation over the seeds.

    Args:
        values (sequence of float): The values.
        digits (int): Digits after the point. Defaults to 3.

    Returns:
        str: Both; of one value, the value.
    """
    text = f'{statistics.fmean(values):.{digits}f}'
    if len(values) > 1:
        text += f' ± {statistics.stdev(values):.{digits}f}'
    return text
