# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Distillation of where the edges of boxes are, by their distributions."""

from collections.abc import Sequence
from typing import Any, Optional

import torch
import torch.nn.functional as F
from torch import Tensor

from dynkd.models.methods.fgd.fgd_masks import (
    foreground_masks,
    ground_truth,
    require_boxes,
)
from dynkd.models.transfers.losses import TransferLoss
from dynkd.models.transfers.losses.base import Levels
from dynkd.registry import MODELS
from dynkd.utils import TrainingData
from dynkd.utils.kinds import Count, Temperature, Weight

REGIONS = ('boxes', 'all')


@MODELS.register_module()
class LDLoss(TransferLoss):
    r"""Divergence of the distributions of the edges of boxes, the loss of
    `Localization Distillation for Dense Object Detection
    <https://arxiv.org/abs/2102.12252>`_ (LD, CVPR 2022), for GFL and heads like it.

    .. math::
        L = \frac{T^2}{4N} \sum_{i \in R} \sum_{e=1}^{4}
            \mathrm{KL}(p^s_{i,e} \parallel p^t_{i,e}),
        \qquad p_{i,e} = \mathrm{softmax}(z_{i,e} / T)

    where :math:`z_{i,e}` are the logits of the distance of position i to the edge e of
    its box, and R are N positions, of all levels and images.

    R are the positions inside a ground-truth box (ours), and those whose cells touch
    its border, as in FGD's masks: of a small box, most positions are of that rim. The
    authors distil the positions to which the head assigns a box and, apart, those
    around them, weighted by the score of their class; both are not known outside of the
    head.

    Args:
        temperature (float): T. Defaults to 10.0, the authors'.
        region (str): ``'boxes'``: the positions inside of boxes. ``'all'``: all
            positions, also of the background, where edges mean nothing. Defaults to
            ``'boxes'``.
        num_edges (int): Number of edges. Defaults to 4.
        loss_weight (float): Factor of the loss. Defaults to 1.0.

    Raises:
        ValueError: If the region is unknown; in the forward pass, if shapes or the
            number of data samples do not fit.
        TypeError: In the forward pass, if boxes are needed and there are none.
        AttributeError: If a data sample has no boxes or no shape.
    """

    def __init__(
        self,
        temperature: Temperature = 10.0,
        region: str = 'boxes',
        num_edges: Count = 4,
        loss_weight: Weight = 1.0,
    ) -> None:
        super().__init__(loss_weight)
        if region not in REGIONS:
            raise ValueError(f'LDLoss: region must be one of {REGIONS}, got {region!r}')
        self.temperature = temperature
        self.region = region
        self.num_edges = num_edges

    def forward(  # type: ignore[override]  # transfers read which extras it names
        self,
        target: Levels,
        source: Levels,
        data_samples: Optional[Sequence[Any]] = None,
    ) -> Tensor:
        """The weighted divergence, the mean over the positions of all levels.

        Args:
            target (Tensor | Sequence[Tensor]): Logits of what learns, shape (B, 4 bins,
                H, W), or one per level: ``student.bbox_head[1]`` of GFL.
            source (Tensor | Sequence[Tensor]): Logits of the reference, the same
                shapes.
            data_samples (Sequence, optional): MMDetection's data samples of the batch,
                needed by the region ``'boxes'``.

        Returns:
            Tensor: A scalar; 0 if no position is in a box.
        """
        targets = self._levels(target, 'target')
        sources = self._levels(source, 'source')
        for pair in zip(targets, sources):
            self._check(*pair)
        masks = self._masks(targets, data_samples)
        count = torch.stack([mask.sum() for mask in masks]).sum()
        total = super().forward(targets, sources, masks=iter(masks))
        return total / count.clamp(min=1)

    def data_fault(self, data: TrainingData) -> Optional[str]:
        """Why there are no boxes; see :class:`~dynkd.engine.hooks.RunCheckHook`.

        Args:
            data (TrainingData): The training's data.

        Returns:
            str or None: What is wrong where boxes are needed.
        """
        if self.region != 'boxes' or data.first_sample is None:
            return None
        try:
            which = "the training's first data sample"
            require_boxes(data.first_sample, which, 'LDLoss', "set region='all'")
        except (AttributeError, ValueError) as error:
            return str(error)
        return None

    def level_loss(
        self, target: Tensor, source: Tensor, masks: Any = None, **extra: Any
    ) -> Tensor:
        """The divergence of one level, summed over its positions.

        Args:
            target (Tensor): Logits of what learns, shape (B, 4 bins, H, W).
            source (Tensor): Logits of the reference, the same shape.
            masks (iterator): Of this and the deeper levels, 1 at the positions that
                count, shape (B, H, W).
            **extra: Not used.

        Returns:
            Tensor: A scalar.
        """
        log_t, log_s = (
            F.log_softmax(
                side.unflatten(1, (self.num_edges, -1)) / self.temperature, dim=2
            )
            for side in (target, source)
        )
        apart = (log_s.exp() * (log_s - log_t)).sum(2).mean(1)
        return self.temperature**2 * (next(masks).to(apart) * apart).sum()

    def _masks(
        self, levels: Sequence[Tensor], data_samples: Optional[Sequence[Any]]
    ) -> list[Tensor]:
        """Which positions of each level count."""
        sizes = [(len(level), level.size(2), level.size(3)) for level in levels]
        if self.region == 'all':
            return [_marks(level, size, True) for level, size in zip(levels, sizes)]
        boxes = ground_truth(data_samples, 'LDLoss', "set region='all'")
        if len(boxes) != len(levels[0]):
            raise ValueError(
                f'LDLoss: {len(boxes)} data sample(s) for a batch of {len(levels[0])} '
                'images'
            )
        if not boxes:
            return [_marks(level, size, False) for level, size in zip(levels, sizes)]
        return [
            (foreground_masks(boxes, size[1:]) > 0).to(level.device)
            for level, size in zip(levels, sizes)
        ]

    def _check(self, target: Tensor, source: Tensor) -> None:
        self.require_same_shape(target, source)
        bins, rest = divmod(target.size(1), self.num_edges)
        if target.dim() != 4 or rest or bins < 2:
            raise ValueError(
                f'LDLoss: the logits have shape {tuple(target.shape)}; they must be '
                f'(B, {self.num_edges} x bins, H, W), of 2 bins or more: those of a '
                'head that predicts distributions, such as GFL'
            )


def _marks(level: Tensor, size: Sequence[int], value: bool) -> Tensor:
    """All positions of a level, or none."""
    return torch.full(tuple(size), value, dtype=torch.bool, device=level.device)
