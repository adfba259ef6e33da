# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Draws that are the same in every process, and again after a resume."""

from typing import Any, Union

import numpy as np
from mmengine.logging import MessageHub

from dynkd.engine.schedules import BoundedSchedule, Progress

#: Tells these draws from others that are made of the same seed and iteration.
_PATHS = 0x1A4D


def build_probability(
    probability: Union[float, dict[str, Any]], owner: str = ''
) -> BoundedSchedule:
    """The probability of a path, p of Eqs. 2 to 4 and 6.

    Args:
        probability (float or dict): The probability in (0, 1], or the config of a
            schedule of it.
        owner (str): Who has it, for messages. Defaults to ``''``: they say it already.

    Returns:
        BoundedSchedule: The probability as a function of progress.

    Raises:
        ValueError: If the probability, or an end of its schedule, is not in (0, 1].
    """
    name = f'{owner}: probability' if owner else 'probability'
    return BoundedSchedule(probability, name, low_open=True)


def draw_paths(count: int, probability: float) -> tuple[bool, ...]:
    r"""Draw a path for each pair, :math:`1 - a_i` of Eqs. 2 to 4 of `Interactive
    Knowledge Distillation`.

    It is a function of the run's seed and of the iterations that are done alone: every
    process draws the same, a resumed run draws what it would have drawn, and no random
    state is read or moved. The seed is the one that
    :class:`~dynkd.engine.hooks.ExactResumeHook` has put into the message hub, 0 without
    it.

    Args:
        count (int): Number of pairs.
        probability (float): Probability of the student's path, :math:`p_i = P(a_i=1)`.

    Returns:
        tuple[bool, ...]: For each pair, whether the teacher's path is taken.
    """
    seed = MessageHub.get_current_instance().get_info('seed', 0)
    words = np.random.SeedSequence((_PATHS, seed, Progress.current().iter))
    draws = np.random.default_rng(words).random(count)
    return tuple(bool(draw >= probability) for draw in draws)
