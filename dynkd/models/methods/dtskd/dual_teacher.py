# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The transfers of DTSKD."""

from collections.abc import Mapping, Sequence
from typing import Optional, Union

from dynkd.models.streams import Stream, find_stream
from dynkd.models.transfers import TransferGroup, branch_taps
from dynkd.registry import TRANSFER_GROUPS
from dynkd.utils.kinds import ScheduledWeight, Temperature, Weight


@TRANSFER_GROUPS.register_module()
class DualTeacherTransfers(TransferGroup):
    """The transfers of `Dual teachers for self-knowledge distillation`, Eqs. 4 to 9.

    The group expands to two transfers, named after it:

    - ``…_his``, Eqs. 5 and 6: the head and every branch learn from a mix of the label
      and their own prediction of the previous epoch, which a store keeps.
    - ``…_stru``, Eq. 4: every branch learns from the head.

    The label is part of Eq. 6: the stream needs no further task loss (its
    ``loss_weight=0``, and its branches').

    Args:
        stream (str): The stream. Defaults to ``'student'``.
        store (str): The store that keeps its predictions. Defaults to ``'history'``.
        historical (float): alpha_1 of Eq. 9; 0 leaves the historical transfer out.
            Defaults to 0.2, the paper's for ResNet-18 on CIFAR-100.
        structural (float): alpha_2 of Eq. 9; 0 leaves the structural transfer out.
            Defaults to 0.8.
        level_weights (sequence of float, optional): lambda of Eq. 5: of the head, then
            of the branches #1, #2, … from shallow to deep. Defaults to None: 3 for the
            head and 1 for each branch.
        temperature (float): T of Eq. 4; that of Eq. 5 is 1. Defaults to 4.0.
        beta (float or dict, optional): Share of the label in Eq. 6, a number or a
            schedule. Defaults to None: Eq. 7 with 0.9 and 0.
        detach_source (bool): Whether Eq. 4 trains the branches only, and not the head.
            False follows the authors' released code; the paper does not say. Defaults
            to True.

    Raises:
        ValueError: If a weight is negative; when expanded, if the stream does not
            exist, or has no branches for the structural transfer.
    """

    def __init__(
        self,
        stream: str = 'student',
        store: str = 'history',
        historical: ScheduledWeight = 0.2,
        structural: ScheduledWeight = 0.8,
        level_weights: Optional[Sequence[Weight]] = None,
        temperature: Temperature = 4.0,
        beta: Union[float, dict, None] = None,
        detach_source: bool = True,
    ) -> None:
        self.stream = stream
        self.store = store
        self.historical = historical
        self.structural = structural
        self.level_weights = level_weights
        self.temperature = temperature
        self.beta = beta
        self.detach_source = detach_source

    def expand(self, streams: Mapping[str, Stream]) -> dict[str, dict]:
        """See :meth:`TransferGroup.expand`."""
        branches = branch_taps(find_stream(streams, self.stream), 'fc')
        head = f'{self.stream}.head'
        found = {}
        if self.historical:
            found['his'] = self._historical([head, *branches])
        if self.structural:
            if not branches:
                raise ValueError(
                    f'the stream `{self.stream}` has no branches, which would learn '
                    'from its head (Eq. 4). Give it '
                    "`branches=dict(module=dict(type='MixedFusionModule'))`, or set "
                    '`structural=0`.'
                )
            loss = dict(
                type='KLDLoss',
                temperature=self.temperature,
                loss_weight=self.structural,
            )
            found['stru'] = dict(
                source=head,
                target=branches,
                loss=loss,
                detach_source=self.detach_source,
            )
        return found

    def _historical(self, classifiers: list[str]) -> dict:
        """Eqs. 5 and 6: every classifier learns from its own past."""
        weights = self.level_weights
        if weights is None:
            weights = [3.0] + [1.0] * (len(classifiers) - 1)
        beta = self.beta
        if beta is None:
            beta = dict(type='CosineSchedule', start=0.9, stop=0.0, begin=-1)
        return dict(
            source=[f'{self.store}.{tap}' for tap in classifiers],
            target=list(classifiers),
            loss=dict(
                type='HistoricalLoss',
                beta=beta,
                level_weights=list(weights),
                loss_weight=self.historical,
            ),
        )
