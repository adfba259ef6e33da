# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The control experiment of IAKD: its pairs, without interaction."""

from collections.abc import Mapping, Sequence
from typing import Any, Optional, Union

from dynkd.models.streams import Stream, find_stream
from dynkd.models.transfers import TransferGroup
from dynkd.registry import TRANSFER_GROUPS
from dynkd.utils.kinds import ScheduledWeight

from .pair_checks import check_pairs
from .pairs import check_level, find_pairs, read_pairs


@TRANSFER_GROUPS.register_module()
class NonInteractiveTransfers(TransferGroup):
    """The transfers without interaction of `Interactive Knowledge Distillation`, Eq. 6.

    The blocks are paired as :class:`~dynkd.models.methods.iakd.InteractiveDistillation`
    pairs them. Nothing is replaced: the output of the student's path learns from the
    output of the teacher's. In each step, each pair is ignored with a probability.

    The group expands to one transfer, ``…_feature``, from the last modules of the
    teacher's paths to those of the student's, by
    :class:`~dynkd.models.methods.iakd.RandomLevelsLoss`. Its loss is the mean of the
    squared differences (ours: the paper's L2 loss has no printed normalisation).

    Args:
        probability (float or dict): p_n, the probability of ignoring a pair, in (0, 1]:
            a number, or the config of a schedule.
        student (str): The stream that learns. Defaults to ``'student'``.
        teacher (str): The stream that teaches. Defaults to ``'teacher'``.
        level (str): ``'block'`` or ``'group'``. Defaults to ``'block'``.
        pairs (list[dict], optional): The pairs by name. Defaults to None: found, see
            :func:`~dynkd.models.methods.iakd.find_pairs`.
        loss_weight (float): Factor of the sum. Defaults to 1.0.

    Raises:
        ValueError: If the level is unknown, or is given beside pairs; when expanded, if
            a stream does not exist, or pairs cannot be found or do not fit.
    """

    def __init__(
        self,
        probability: Union[float, dict[str, Any]],
        student: str = 'student',
        teacher: str = 'teacher',
        level: str = 'block',
        pairs: Optional[Sequence[Mapping]] = None,
        loss_weight: ScheduledWeight = 1.0,
    ) -> None:
        check_level(level, pairs)
        self.probability = probability
        self.student = student
        self.teacher = teacher
        self.level = level
        self.pairs = None if pairs is None else read_pairs(pairs)
        self.loss_weight = loss_weight

    def expand(self, streams: Mapping[str, Stream]) -> dict[str, dict]:
        """See :meth:`TransferGroup.expand`."""
        names = (self.student, self.teacher)
        own, other = (find_stream(streams, name) for name in names)
        shape = own.cfg.input_shape
        pairs = self.pairs or find_pairs(
            own.model, other.model, self.level, shape, other.cfg.input_shape
        )
        check_pairs(pairs, own.model, other.model, shape)
        loss = dict(
            type='RandomLevelsLoss',
            probability=self.probability,
            loss=dict(type='FeatureLoss'),
            loss_weight=self.loss_weight,
        )
        feature = dict(
            source=[f'{self.teacher}.{pair.teacher[-1]}' for pair in pairs],
            target=[f'{self.student}.{pair.student[-1]}' for pair in pairs],
            loss=loss,
        )
        return dict(feature=feature)
