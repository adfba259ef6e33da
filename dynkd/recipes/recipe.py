# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What a recipe says: streams, transfers, and the reasons."""

from dataclasses import dataclass, field
from typing import Any, Optional

from .place import ModelView

#: A transfer is to weigh as much as its learner's own losses: DKD, section IV-C1, "the
#: parts have a similar value".
BALANCED = dict(type='BalancedWeight', share=1.0)


@dataclass
class Recipe:
    """A method, for one pair of models.

    Args:
        streams (dict[str, dict]): Fields of the streams, as
            :class:`~dynkd.models.streams.StreamConfig` has them, besides the models.
        transfers (dict[str, dict]): The transfers, as
            :class:`~dynkd.models.transfers.Transfer` has them.
        more (dict): Other arguments of the distillation: ``stores``, ``interaction``.
        kind (str): The type of the distillation.
        teacher_rate (float): Learning rate of a trained teacher, relative to the
            student's.
        reasons (dict[str, str]): Why it is so, by transfer or stream.
        left_out (list[str]): What does not fit this pair, each with its reason.
    """

    streams: dict[str, dict] = field(default_factory=dict)
    transfers: dict[str, dict] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)
    kind: str = 'dynkd.Distillation'
    teacher_rate: float = 1.0
    reasons: dict[str, str] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)

    def add(self, name: str, transfer: dict, why: str) -> None:
        """Add a transfer.

        Args:
            name (str): Its name.
            transfer (dict): Its config.
            why (str): Why it is there, for the table.
        """
        self.transfers[name] = transfer
        self.reasons[name] = why

    def freeze_teacher(self) -> None:
        """Have the teacher teach only."""
        self.streams.setdefault('teacher', {})['frozen'] = True

    def start_from_scratch(self, dense: bool) -> None:
        """Have an untrained teacher learn as fast as its student.

        Two untrained classifiers differ by next to nothing. A weight by which that
        becomes a share of the task loss is so large that they learn to agree, and
        nothing else. (Of dense heads, whose sum over positions has no natural weight,
        it stays.)

        Args:
            dense (bool): Whether they predict positions: detectors and segmentors.
        """
        self.teacher_rate = 1.0
        if dense:
            return
        for name, transfer in self.transfers.items():
            loss = transfer.get('loss', {})
            if loss.get('type') == 'KLDLoss':
                transfer['loss'] = dict(loss, loss_weight=1.0)
                self.reasons[name] += '; weight 1, as the teacher is untrained'

    def check(self, method: str, advice: str = '') -> None:
        """Check that something is left of the method.

        Args:
            method (str): Its name.
            advice (str): What can be done otherwise. Defaults to ''.

        Raises:
            ValueError: If there is no transfer.
        """
        if not self.transfers:
            why = '; '.join(self.left_out) or 'there is nothing that fits'
            raise ValueError(
                f'method `{method}` has no transfer for this pair of models: {why}.'
                + (f' {advice}' if advice else '')
            )


@dataclass(frozen=True)
class Pair:
    """The models that a recipe is for.

    Args:
        student (ModelView): The student.
        teacher (ModelView, optional): The teacher; None in self-distillation.
    """

    student: ModelView
    teacher: Optional[ModelView] = None

    @property
    def both(self) -> tuple[ModelView, ModelView]:
        """tuple[ModelView, ModelView]: Student and teacher.

        Raises:
            ValueError: If there is no teacher.
        """
        if self.teacher is None:
            raise ValueError('this method needs a teacher: name its config.')
        return self.student, self.teacher
