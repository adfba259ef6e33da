# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""A weight that is computed from the measured losses."""

import math
from collections.abc import Mapping
from typing import Any, Optional, Union

import torch
from mmengine.logging import print_log
from mmengine.registry import DefaultScope
from torch import Tensor

from dynkd.models.schedules import (
    BoundedSchedule,
    Measured,
    Progress,
    finite_row,
    mean_over_processes,
    names_measured,
)
from dynkd.registry import MODELS
from dynkd.utils.kinds import Count, Positive, Share


@MODELS.register_module()
class BalancedWeight(Measured):
    r"""The weight with which a transfer's part of the loss is a share of the task loss.

    .. math::
        w = s \, \frac{\sum_{i=1}^{n} L_i^{task}}{\sum_{i=1}^{n} L_i}

    :math:`L_i` is the transfer's loss, without a weight, in step i of the training,
    :math:`L_i^{task}` the sum of its learner's own losses (those of its task and of its
    branches, with their weights), each the mean over all processes, and s the share.
    `General Dynamic Knowledge Distillation` (IV-C1) found that "each part has the
    similar value in the student network" at its best weights, which is a share of 1
    (the paper compares the parts at the end of the training; measuring them at the
    beginning is ours).

    The losses are measured over the first steps of the training, and again over those
    of each phase in which the transfer acts. During these steps the weight is computed
    from the steps so far, including the current one, so that the share holds from the
    first step on. Afterwards the weight is kept, and logged. Steps in which one of the
    losses is zero or not finite do not count; as long as no step counts, the weight is
    0. Outside of training nothing is measured: an unknown weight is computed from the
    current batch.

    Checkpoints contain the measurements. A training that begins at iteration 0 measures
    again, even if it loads a checkpoint.

    Args:
        share (float): s, the share of the task loss that the transfer's part has.
            Defaults to 1.0.
        iterations (int): n, the training steps over which the losses are measured.
            Defaults to 50.
        momentum (float, optional): In (0, 1]. If set, the weight follows the losses for
            the rest of the phase, as the quotient of their moving averages in which the
            newest step has this weight; this takes a reduction over the processes in
            each step. Defaults to None: the weight is kept.

    Raises:
        TypeError: If an argument is not a number.
        ValueError: If ``share`` is not positive and finite, ``iterations`` is less than
            1, or ``momentum`` is not in (0, 1]; in the forward pass, if there is no
            task loss.
    """

    means: Tensor
    count: Tensor
    phase: Tensor

    def __init__(
        self,
        share: Positive = 1.0,
        iterations: Count = 50,
        momentum: Optional[Share] = None,
    ) -> None:
        super().__init__()
        self.share = share
        self.iterations = iterations
        self.momentum = momentum
        #: The learner's task loss and the transfer's loss.
        self.register_buffer('means', torch.zeros(2))
        #: The steps that they are the mean of.
        self.register_buffer('count', torch.zeros((), dtype=torch.long))
        #: The index of the phase in which they were measured.
        self.register_buffer('phase', torch.zeros((), dtype=torch.long))
        self._phase = 0
        # Number of steps still to be measured, kept on the CPU so that no step waits
        # for the accelerator. None: it must be read from the buffers.
        self._left: Optional[int] = None
        self.stats: dict[str, Tensor] = {}

    def enter(self, phase: int) -> None:
        """Begin a phase of the training, or continue it after a resume.

        Args:
            phase (int): Index of the phase.
        """
        self._restart(self.phase == phase)
        self._phase = phase
        self.phase.fill_(phase)

    def forget(self) -> None:
        """Discard what was measured: it came with the weights of another training."""
        self._restart()

    def _restart(self, keep: Union[bool, Tensor] = False) -> None:
        """Discard the measurements, unless they are kept."""
        self.means.mul_(keep)
        self.count.mul_(keep)
        self._left = None

    @torch.no_grad()
    def forward(
        self, loss: Tensor, task: Optional[Tensor], progress: Progress, owner: str = ''
    ) -> Tensor:
        """The weight of one step.

        Args:
            loss (Tensor): The transfer's loss without a weight, a scalar.
            task (Tensor, optional): The sum of its learner's own losses, a scalar.
            progress (Progress): How far the training is.
            owner (str): Whose weight it is, for the log. Defaults to ``''``.

        Returns:
            Tensor: The weight, a scalar without a gradient.

        Raises:
            ValueError: If there is no task loss.
        """
        if task is None:
            raise ValueError(
                f'BalancedWeight of {owner or "a transfer"}: its learner has no task '
                'loss in this step. Give a number.'
            )
        # Losses may be in half precision; what is measured is not.
        terms = torch.stack(
            [part.detach().mean().to(self.means) for part in (task, loss)]
        )
        row = finite_row(torch.where((terms > 0).all(), terms, torch.nan))
        if self.training:
            if self._left is None and progress.iter == 0:
                self._restart()
                self.phase.fill_(self._phase)
            self._measure(row, owner)
            means = self.means
        else:
            means = torch.where(self.count > 0, self.means, row[:-1])
        self.stats['weight'] = self._weight(means)
        return self.stats['weight']

    def _weight(self, means: Tensor) -> Tensor:
        """The weight that follows from the means; 0 where there are none."""
        least = torch.finfo(means.dtype).tiny
        return self.share * means[0] / means[1].clamp(min=least)

    def _measure(self, row: Tensor, owner: str) -> None:
        """Put a step into the means, unless they are known and kept."""
        if self._left is None:
            self._left = self._missing()
        if not self._left and self.momentum is None:
            return
        row = mean_over_processes(row)
        rate = 1 / (self.count + 1).to(row)
        if self.momentum is not None:
            momentum = torch.full_like(rate, self.momentum)
            rate = torch.where(self.count < self.iterations, rate, momentum)
        # A row of zeros, of a step that does not count, moves nothing.
        self.means.add_(row[-1] * rate * (row[:-1] - self.means))
        self.count.add_(row[-1].long())
        if self._left:
            self._left -= 1
            if not self._left:
                self._left = self._missing()
                if not self._left:
                    self._report(owner)

    def _missing(self) -> int:
        """How many steps are to be measured; waits for the accelerator."""
        return max(self.iterations - int(self.count), 0)

    def _report(self, owner: str) -> None:
        """Log what was found."""
        task, loss = self.means.tolist()
        weight = float(self._weight(self.means))
        kept = 'is kept' if self.momentum is None else 'follows from here on'
        print_log(
            f'Weight of {owner or "a transfer"}: {weight:.4g}. It {kept}: over '
            f'{self.iterations} iterations the transfer was {loss:.4g}, the task loss '
            f'of its learner {task:.4g}, and its share is {self.share:g}.',
            logger='current',
        )

    def reread(self) -> None:
        """Look at the measurements in the next step, which something else has set."""
        self._left = None

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        """Load what was measured, and look at it in the next step."""
        super()._load_from_state_dict(*args, **kwargs)
        self.reread()

    def extra_repr(self) -> str:
        """str: Its arguments."""
        moving = '' if self.momentum is None else f', momentum={self.momentum}'
        return f'share={self.share}, iterations={self.iterations}{moving}'


def build_weight(cfg: Mapping[str, Any]) -> Union[BoundedSchedule, BalancedWeight]:
    """Build what decides the weight of a transfer.

    Args:
        cfg (dict): The config of a schedule, or of a :class:`BalancedWeight`.

    Returns:
        BoundedSchedule or BalancedWeight: It.

    Raises:
        ValueError: If it is neither.
    """
    measured = names_measured(cfg, BalancedWeight, 'loss_weight', "'BalancedWeight'")
    with DefaultScope.overwrite_default_scope('dynkd'):
        if measured:
            return MODELS.build(dict(cfg))
        return BoundedSchedule(dict(cfg), 'loss_weight', high=math.inf)
