# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Brings the features of the target to the resolution of the source."""

from collections.abc import Sequence
from typing import Any, Union

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor

from dynkd.registry import MODELS
from dynkd.utils import without_autocast

#: How values between the given ones are found.
MODES = ('bilinear', 'nearest', 'area')


@MODELS.register_module()
class ResolutionAligner(BaseModule):
    """Interpolates the target's feature maps to the resolution of the source's.

    It is the ``connector`` of a transfer, which receives both sides. For models whose
    stages have other strides, or that see images of other sizes.

    Args:
        mode (str): ``'bilinear'``, with antialiasing where the target is larger;
            ``'nearest'``; or ``'area'``, the mean over the area of a pixel. Defaults to
            ``'bilinear'``.

    Raises:
        ValueError: If the mode is unknown; in the forward pass, if a feature is not a
            map, or the numbers of levels differ.
    """

    #: See :func:`~dynkd.models.transfers.token_maps.takes_maps`.
    takes_maps = True

    def __init__(self, mode: str = 'bilinear') -> None:
        super().__init__()
        if mode not in MODES:
            raise ValueError(
                f'ResolutionAligner: mode must be one of {MODES}, got {mode!r}'
            )
        self.mode = mode

    def forward(
        self,
        target: Union[Tensor, Sequence[Tensor]],
        source: Union[Tensor, Sequence[Tensor]],
    ) -> Any:
        """Interpolate.

        Args:
            target (Tensor | Sequence[Tensor]): What learns, shape (B, C, H, W), or one
                per level.
            source (Tensor | Sequence[Tensor]): What is learned from, of any resolution.

        Returns:
            Tensor | list[Tensor]: The target at the resolution of the source.
        """
        if isinstance(target, Tensor) and isinstance(source, Tensor):
            return self._align(target, source)
        if len(target) != len(source):
            raise ValueError(
                f'ResolutionAligner: the target has {len(target)} level(s) and the '
                f'source {len(source)}'
            )
        return [self._align(one, other) for one, other in zip(target, source)]

    def _align(self, target: Tensor, source: Tensor) -> Tensor:
        for side in (target, source):
            if side.dim() != 4:
                raise ValueError(
                    'ResolutionAligner: features are maps (B, C, H, W), got shape '
                    f'{tuple(side.shape)}'
                )
        size = tuple(source.shape[2:])
        if tuple(target.shape[2:]) == size:
            return target
        if self.mode != 'bilinear':
            return F.interpolate(target, size, mode=self.mode)
        # In half precision it is not there on every device.
        wide = target if target.dtype == torch.float64 else target.float()
        with without_autocast(target.device.type):
            found = F.interpolate(
                wide, size, mode='bilinear', align_corners=False, antialias=True
            )
        return found.to(target)
