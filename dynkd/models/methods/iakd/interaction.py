# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Interaction: which pairs there are, and which path each takes in a step."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Optional, Union

import numpy as np
import torch
from mmengine.logging import MessageHub
from torch import Tensor, nn

from dynkd.models.schedules import BoundedSchedule, Progress
from dynkd.utils import checked

from .pair_checks import check_forwards, check_pairs, check_with_cp
from .pairs import Pair, check_level, find_pairs, read_pairs
from .swapping import swapped_in

#: Tells these draws from others that are made of the same seed and iteration.
_PATHS = 0x1A4D


@checked
class Interaction:
    """Which pairs of blocks there are, and which path each takes in a step.

    Args:
        probability (float or dict): Probability of the student's path, p of Eqs. 2 to 4
            of `Interactive Knowledge Distillation`, in (0, 1]: a number (the uniform
            schedule), or the config of a schedule:
            ``dict(type='LinearSchedule', start=0.1, stop=1.0)`` (linear growth) or
            ``dict(type='ReviewSchedule', start=0.1)``.
        student (str): The stream whose blocks are replaced. Defaults to ``'student'``.
        teacher (str): The frozen stream whose blocks replace them. Defaults to
            ``'teacher'``.
        level (str): ``'block'``, or ``'group'`` for one pair per stage. Defaults to
            ``'block'``.
        pairs (list[dict], optional): The pairs by name, each
            ``dict(student=['backbone.layer1.1'], teacher=['backbone.layer1.1',
            'backbone.layer1.2'])``. Defaults to None: found, see
            :func:`~dynkd.models.methods.iakd.find_pairs`.
        track_teacher_stats (bool): Whether swapped-in batch normalisations update the
            teacher's running statistics, which are then in the checkpoints. Defaults to
            False.

    Raises:
        ValueError: If the probability, or an end of its schedule, is not in (0, 1], the
            level is unknown, or the pairs are not written as pairs.
    """

    def __init__(
        self,
        probability: Union[float, dict[str, Any]],
        student: str = 'student',
        teacher: str = 'teacher',
        level: str = 'block',
        pairs: Optional[Sequence[Mapping]] = None,
        track_teacher_stats: bool = False,
    ) -> None:
        self.student = student
        self.teacher = teacher
        self.probability = build_probability(probability)
        check_level(level, pairs)
        self.level = level
        self.track_teacher_stats = track_teacher_stats
        self._given = None if pairs is None else read_pairs(pairs)
        #: The pairs of blocks; set by :meth:`pair`.
        self.pairs: list[Pair] = []
        #: What is logged of the last step.
        self.stats: dict[str, Tensor] = {}

    def pair(
        self,
        student: nn.Module,
        teacher: nn.Module,
        student_shape: Sequence[int],
        teacher_shape: Sequence[int],
    ) -> None:
        """Find the pairs, or take those that the config lists, and check them.

        Args:
            student (nn.Module): The student's model.
            teacher (nn.Module): The teacher's model.
            student_shape (sequence of int): Shape of the student's input, without the
                batch.
            teacher_shape (sequence of int): Shape of the teacher's input, likewise.

        Raises:
            ValueError: If there are no pairs, a pair does not fit, or modules run again
                in the backward pass.
        """
        self.pairs = self._given or find_pairs(
            student, teacher, self.level, student_shape, teacher_shape
        )
        check_pairs(self.pairs, student, teacher, student_shape)
        check_with_cp(self.pairs, student, teacher)

    def swap(
        self, student: nn.Module, teacher: nn.Module, progress: Progress
    ) -> AbstractContextManager[None]:
        """Draw the paths of this step, and take them.

        Args:
            student (nn.Module): The student's model.
            teacher (nn.Module): The teacher's model.
            progress (Progress): How far the training is.

        Returns:
            context manager: Inside it, the student is the hybrid network of Eq. 5.

        Raises:
            ValueError: If the schedule of the probability leaves (0, 1], or a module
                around a replaced one would run again in the backward pass.
        """
        check_forwards(self.pairs, student, self.student)
        probability = self.probability(progress)
        drawn = draw_paths(len(self.pairs), probability, progress)
        self.stats = dict(
            p=torch.tensor(float(probability)),
            swapped=torch.tensor(sum(drawn) / len(drawn)),
        )
        swapped = [pair for pair, teaches in zip(self.pairs, drawn) if teaches]
        return swapped_in(student, teacher, swapped, self.track_teacher_stats)


def build_probability(
    probability: Union[float, dict[str, Any]], owner: str = ''
) -> BoundedSchedule:
    """The probability of a path, p of Eqs. 2 to 4 and 6.

    Args:
        probability (float or dict): The probability in (0, 1], or the config of a
            schedule of it.
        owner (str): Who has it, for messages. Defaults to ``''``: nobody is named.

    Returns:
        BoundedSchedule: The probability as a function of progress.

    Raises:
        ValueError: If the probability, or an end of its schedule, is not in (0, 1].
    """
    name = f'{owner}: probability' if owner else 'probability'
    return BoundedSchedule(probability, name, low_open=True)


def draw_paths(count: int, probability: float, progress: Progress) -> tuple[bool, ...]:
    r"""Draw a path for each pair, :math:`1 - a_i` of Eqs. 2 to 4 of `Interactive
    Knowledge Distillation`.

    The draw is a function of the run's seed and the number of finished iterations
    alone: every process draws the same, a resumed run draws as if it had not stopped,
    and no random state is read or changed. The seed is the one that
    :class:`~dynkd.engine.hooks.ExactResumeHook` has put into the message hub; without
    that hook it is 0.

    Args:
        count (int): Number of pairs.
        probability (float): Probability of the student's path, :math:`p_i = P(a_i=1)`.
        progress (Progress): How far the training is.

    Returns:
        tuple[bool, ...]: For each pair, whether the teacher's path is taken.
    """
    seed = MessageHub.get_current_instance().get_info('seed', 0)
    words = np.random.SeedSequence((_PATHS, seed, progress.iter))
    draws = np.random.default_rng(words).random(count)
    return tuple(bool(draw >= probability) for draw in draws)
