# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Distillation by generating the teacher's feature from a part of the student's."""

from typing import Any, Optional

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dynkd.models.transfers.losses import TransferLoss
from dynkd.models.transfers.losses.base import Levels, one_for_each
from dynkd.registry import MODELS
from dynkd.utils import drawn
from dynkd.utils.kinds import Count, Probability, Weight

MASKS = ('positions', 'channels')


@MODELS.register_module()
class MGDLoss(TransferLoss):
    r"""How far the feature that is generated from a masked one is from the source:
    the loss of `Masked Generative Distillation <https://arxiv.org/abs/2205.01529>`_
    (MGD, ECCV 2022).

    .. math::
        L = \frac{1}{B} \sum_{b,c,i} \left(s_{b,c,i}
            - \mathcal{G}(t \cdot M)_{b,c,i}\right)^2,
        \qquad \mathcal{G}(x) = W_2 * \mathrm{ReLU}(W_1 * x)

    where M is 0 at a random share :math:`\lambda` of the positions of each image (or of
    its channels, the authors' way for classification), and 1 elsewhere, and
    :math:`W_1, W_2` are learned 3x3 convolutions. It is a sum over channels and
    positions, so that the weights are small: the authors' is 2e-5 for detectors and
    7e-5 for classifiers.

    Where the target has other channels than the source, a
    :class:`~dynkd.models.transfers.connectors.ChannelAligner` as the transfer's
    ``target_connector`` is the alignment of the paper.

    Args:
        channels (int): Channels of the source.
        ratio (float): lambda, the share that is masked. Defaults to 0.65, the authors'
            for one-stage detectors; they have 0.45 for two-stage ones and 0.15 for
            classifiers.
        mask (str): ``'positions'`` or ``'channels'``. Defaults to ``'positions'``.
        num_levels (int, optional): Levels with convolutions of their own. Defaults to
            None: all levels share them.
        loss_weight (float): Factor of the loss. Defaults to 1.0.

    Raises:
        ValueError: If the mask is unknown, or all is masked; in the forward pass, if
            shapes, channels or the number of levels do not fit.
    """

    def __init__(
        self,
        channels: Count,
        ratio: Probability = 0.65,
        mask: str = 'positions',
        num_levels: Optional[Count] = None,
        loss_weight: Weight = 1.0,
    ) -> None:
        super().__init__(loss_weight)
        if mask not in MASKS:
            raise ValueError(f'MGDLoss: mask must be one of {MASKS}, got {mask!r}')
        if ratio == 1:
            raise ValueError('MGDLoss: ratio must be below 1: the target would be gone')
        self.channels = channels
        self.ratio = ratio
        self.mask = mask
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(channels, channels, 3, padding=1),
                nn.ReLU(inplace=True),
                nn.Conv2d(channels, channels, 3, padding=1),
            )
            for _ in range(num_levels or 1)
        )

    def forward(self, target: Levels, source: Levels, **extra: Any) -> Tensor:
        """The weighted loss, summed over the levels.

        Args:
            target (Tensor | Sequence[Tensor]): What learns, shape (B, C, H, W), or one
                per level.
            source (Tensor | Sequence[Tensor]): What is learned from, the same shapes.
            **extra: Not used.

        Returns:
            Tensor: A scalar.
        """
        targets = self._levels(target, 'target')
        blocks = one_for_each(self.blocks, len(targets), 'MGDLoss')
        return super().forward(targets, source, blocks=iter(blocks))

    def level_loss(
        self, target: Tensor, source: Tensor, blocks: Any = None, **extra: Any
    ) -> Tensor:
        """The loss of one level.

        Args:
            target (Tensor): What learns, shape (B, C, H, W).
            source (Tensor): What is learned from, the same shape.
            blocks (iterator): The convolutions of this and the deeper levels.
            **extra: Not used.

        Returns:
            Tensor: A scalar.
        """
        self.require_same_shape(target, source)
        if target.dim() != 4 or target.size(1) != self.channels:
            raise ValueError(
                f'MGDLoss: the features have shape {tuple(target.shape)}; they must be '
                f'maps, (B, {self.channels}, H, W)'
            )
        generated = next(blocks)(target * drawn(self._draw, target))
        return F.mse_loss(generated, source, reduction='sum') / len(target)

    def _draw(self, feature: Tensor) -> Tensor:
        """A random mask, of shape (B, 1, H, W) or (B, C, 1, 1)."""
        shape = list(feature.shape)
        for dim in (1,) if self.mask == 'positions' else (2, 3):
            shape[dim] = 1
        kept = torch.rand(shape, device=feature.device) >= self.ratio
        return kept.to(feature.dtype)
