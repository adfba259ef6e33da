# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Students that teach one another."""

from collections.abc import Mapping
from typing import Any, Optional

from dynkd.models.streams import Stream, find_stream
from dynkd.models.transfers import TransferGroup
from dynkd.registry import TRANSFER_GROUPS
from dynkd.utils import without_scope
from dynkd.utils.kinds import Text, Weight


@TRANSFER_GROUPS.register_module()
class MutualTransfers(TransferGroup):
    r"""The transfers of `Deep Mutual Learning <https://arxiv.org/abs/1706.00384>`_
    (DML, CVPR 2018): every stream learns from every other.

    .. math::
        L_k = L_{C_k} + \frac{w}{K - 1} \sum_{l \ne k} D(p_l \parallel p_k)

    where :math:`L_{C_k}` is the own loss of stream k of K. The group expands to a
    transfer for each stream, ``…_<stream>``.

    Args:
        streams (list[str]): The streams, two or more.
        tap (str): What is compared, without the stream's name. Defaults to ``'head'``.
        loss (dict, optional): The loss D, without a weight. Defaults to None:
            ``dict(type='KLDLoss')``.
        weight (float): w. Defaults to 1.0, the paper's.

    Raises:
        ValueError: If there are fewer than two streams, one is named twice, or the loss
            has a weight; when expanded, if a stream does not exist.
    """

    def __init__(
        self,
        streams: list[Text],
        tap: Text = 'head',
        loss: Optional[dict[str, Any]] = None,
        weight: Weight = 1.0,
    ) -> None:
        if len(streams) < 2 or len(set(streams)) < len(streams):
            raise ValueError(
                'MutualTransfers: streams must name two or more, each once, got '
                f'{streams}'
            )
        self.streams = list(streams)
        self.tap = tap
        self.loss = without_scope(loss or dict(type='KLDLoss'))
        if 'loss_weight' in self.loss:
            raise ValueError(
                'MutualTransfers: the loss has a `loss_weight`; set the `weight` of '
                'the group, which is shared among the teachers of a stream'
            )
        self.weight = weight

    def expand(self, streams: Mapping[str, Stream]) -> dict[str, dict]:
        """See :meth:`TransferGroup.expand`."""
        weight = self.weight / (len(self.streams) - 1)
        found = {}
        for learner in self.streams:
            find_stream(streams, learner)
            others = [f'{n}.{self.tap}' for n in self.streams if n != learner]
            found[learner] = dict(
                source=others if len(others) > 1 else others[0],
                target=f'{learner}.{self.tap}',
                loss=dict(self.loss, loss_weight=weight),
            )
        return found
