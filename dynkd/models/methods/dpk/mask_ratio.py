# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""How much of the student's feature is replaced: what all ratios share."""

from abc import ABCMeta, abstractmethod
from typing import Any, Optional, Union

import torch
from mmengine.registry import DefaultScope
from torch import Tensor, nn

from dynkd.models.schedules import BoundedSchedule, Progress, names_measured
from dynkd.registry import MODELS

from .cka import MIN_SAMPLES, cka, cka_of_terms, position_terms


class MaskRatio(nn.Module, metaclass=ABCMeta):
    r"""The share :math:`\pi` of the student's patches that are replaced.

    Called as ``ratio(student, teacher)`` with maps of shape (B, C, H, W) and
    (B, C', H, W), it returns a scalar in [0, 1] that is the same in all processes and
    has no gradient. Its ``stats`` are what it measured: ``ratio`` and, where a
    minibatch has the 4 samples for it, ``cka``: the images or, where these are fewer,
    as in detectors, the positions of their maps (ours).
    """

    def __init__(self) -> None:
        super().__init__()
        self.stats: dict[str, Tensor] = {}

    @torch.no_grad()
    def forward(
        self, student: Tensor, teacher: Tensor, progress: Optional[Progress] = None
    ) -> Tensor:
        """The ratio of one step.

        Args:
            student (Tensor): The student's feature, shape (B, C, H, W).
            teacher (Tensor): The teacher's feature, shape (B, C', H, W).
            progress (Progress, optional): How far the training is. Defaults to None:
                as far as the runner at work.

        Returns:
            Tensor: The ratio, a scalar.
        """
        self.stats = {}
        progress = progress or Progress.current()
        self.stats['ratio'] = self.ratio(student, teacher, progress).clamp(0, 1)
        return self.stats['ratio']

    @abstractmethod
    def ratio(self, student: Tensor, teacher: Tensor, progress: Progress) -> Tensor:
        """The ratio before it is held within [0, 1].

        Args:
            student (Tensor): The student's feature, shape (B, C, H, W).
            teacher (Tensor): The teacher's feature, shape (B, C', H, W).
            progress (Progress): How far the training is.

        Returns:
            Tensor: The ratio, a scalar.
        """

    def note_cka(self, student: Tensor, teacher: Tensor) -> None:
        """Measure the minibatch's CKA for the log, where the ratio does not follow it.

        With fewer than 4 images, it is measured over their positions.

        Args:
            student (Tensor): The student's feature, shape (B, C, H, W).
            teacher (Tensor): The teacher's feature, shape (B, C', H, W).
        """
        if len(student) >= MIN_SAMPLES:
            self.stats['cka'] = cka(teacher, student)
        elif len(student) * student.shape[2:].numel() >= MIN_SAMPLES:
            self.stats['cka'] = cka_of_terms(position_terms(teacher, student)[None])


class ScheduledRatio(MaskRatio):
    """A ratio that is fixed or follows the progress of the training.

    Args:
        ratio (float or dict): The number, or the config of a schedule.

    Raises:
        ValueError: If the number or an end of the schedule lies outside [0, 1]; in the
            forward pass, if the schedule leaves [0, 1].
    """

    def __init__(self, ratio: Union[float, dict[str, Any]]) -> None:
        super().__init__()
        self.schedule = BoundedSchedule(ratio, 'PriorKnowledge: ratio')

    def ratio(self, student: Tensor, teacher: Tensor, progress: Progress) -> Tensor:
        """See :meth:`MaskRatio.ratio`."""
        self.note_cka(student, teacher)
        return torch.tensor(float(self.schedule(progress)), device=teacher.device)

    def extra_repr(self) -> str:
        """str: The schedule's name."""
        return type(self.schedule.schedule).__name__


def build_ratio(ratio: Union[float, dict[str, Any]]) -> MaskRatio:
    """Build what decides how much is replaced.

    Args:
        ratio (float or dict): A number in [0, 1], the config of a schedule of such
            numbers, or that of a measurement,
            :class:`~dynkd.models.methods.dpk.CKARatio` or
            :class:`~dynkd.models.methods.dpk.CosineRatio`.

    Returns:
        MaskRatio: The ratio.

    Raises:
        ValueError: If it is not one of these, or an argument is out of its range.
    """
    if not isinstance(ratio, dict):
        return ScheduledRatio(ratio)
    examples = "'CKARatio', 'CosineRatio'"
    if names_measured(ratio, MaskRatio, 'PriorKnowledge: ratio', examples):
        with DefaultScope.overwrite_default_scope('dynkd'):
            return MODELS.build(dict(ratio))
    return ScheduledRatio(ratio)
