# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""A loss that counts at random levels in each step."""

from typing import Any, Optional, Union

import torch
from mmengine.registry import DefaultScope
from torch import Tensor

from dynkd.models.schedules import Progress
from dynkd.models.transfers.losses import TransferLoss
from dynkd.models.transfers.losses.base import Levels
from dynkd.registry import MODELS
from dynkd.utils import at
from dynkd.utils.kinds import Weight

from .interaction import build_probability, draw_paths


@MODELS.register_module()
class RandomLevelsLoss(TransferLoss):
    r"""A loss that counts at random levels in each step, the sum of Eq. 6 of
    `Interactive Knowledge Distillation`.

    .. math::
        L = \sum_n a_n \varphi(F_n^S, F_n^T), \qquad p_n = P(a_n = 0)

    where :math:`F_n^S`, :math:`F_n^T` are level n of the target and of the source, and
    :math:`\varphi` is the argument ``loss``. The draws are those of
    :class:`~dynkd.models.methods.iakd.InteractiveDistillation`: level n counts in the
    steps in which the interaction, at the same probability, would take the teacher's
    path of pair n. Without gradients, and in evaluation mode, all levels count.

    ``stats`` has ``p`` and ``counted``, the share of the levels that counted.

    Args:
        probability (float or dict): :math:`p_n`, the probability of ignoring a level,
            in (0, 1]: a number, or the config of a schedule.
        loss (dict): Config of :math:`\varphi`, a loss of a target and a source.
        loss_weight (float): Factor of the sum. Defaults to 1.0.

    Raises:
        ValueError: If the probability, or an end of its schedule, is not in (0, 1]; in
            the forward pass, if the sides differ in their number of levels.
    """

    def __init__(
        self,
        probability: Union[float, dict[str, Any]],
        loss: dict[str, Any],
        loss_weight: Weight = 1.0,
    ) -> None:
        super().__init__(loss_weight)
        self.probability = build_probability(probability, type(self).__name__)
        with DefaultScope.overwrite_default_scope('dynkd'), at('loss'):
            self.loss = MODELS.build(dict(loss))
        self.stats: dict[str, Tensor] = {}

    def forward(  # type: ignore[override]  # transfers read which extras it names
        self, target: Levels, source: Levels, progress: Optional[Progress] = None
    ) -> Tensor:
        """The weighted loss, summed over the levels that count in this step.

        Args:
            target (Tensor | Sequence[Tensor]): What learns: a tensor, or one per level.
            source (Tensor | Sequence[Tensor]): What is learned from, likewise.
            progress (Progress, optional): How far the training is. Defaults to None:
                as far as the runner at work.

        Returns:
            Tensor: A scalar; 0 if no level counts.

        Raises:
            ValueError: If the sides differ in their number of levels, or the schedule
                of the probability leaves (0, 1].
        """
        targets = self._levels(target, 'target')
        sources = self._levels(source, 'source')
        if len(targets) != len(sources):
            return super().forward(targets, sources)  # which says so
        counts = (True,) * len(targets)
        if self.training and torch.is_grad_enabled():
            progress = progress or Progress.current()
            probability = self.probability(progress)
            counts = draw_paths(len(targets), probability, progress)
            self.stats = dict(
                p=torch.tensor(float(probability)),
                counted=torch.tensor(sum(counts) / len(counts)),
            )
        # For what several processes would wait for: gradients of 0.
        ignored = [level for level, own in zip(targets, counts) if not own]
        if not any(counts):
            return self.zero(*ignored)
        chosen = [
            [level for level, own in zip(levels, counts) if own]
            for levels in (targets, sources)
        ]
        found = super().forward(*chosen)
        return found + self.zero(*ignored).to(found) if ignored else found

    def level_loss(self, target: Tensor, source: Tensor, **extra: Any) -> Tensor:
        r"""The loss of one level, :math:`\varphi`.

        Args:
            target (Tensor): What learns.
            source (Tensor): What is learned from.
            **extra: Not used.

        Returns:
            Tensor: A scalar.
        """
        return self.loss(target, source)
