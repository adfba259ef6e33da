# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Pixels without a label, which a transfer may leave out."""

from collections.abc import Sequence
from typing import Any, Optional

import torch
import torch.nn.functional as F
from torch import Tensor, nn

#: Heads that learn from a label for each pixel.
_HEADS = ('decode_head', 'semantic_head')


def learns_from_pixels(model: nn.Module) -> bool:
    """Whether a model's data samples have a label for each pixel.

    Args:
        model (nn.Module): The model.

    Returns:
        bool: Whether it has a head that learns from one.
    """
    return any(getattr(model, name, None) is not None for name in _HEADS)


def ignore_pixels(
    target: Any, source: Any, data_samples: Optional[Sequence[Any]], ignore_index: int
) -> Any:
    """Put the source in the target's place where pixels have no label.

    There, both sides agree: such a pixel adds nothing to a loss of differences, and
    has no gradient. It still counts in a mean, as it does in MMSegmentation's
    cross-entropy, so that the loss keeps its size beside that of the task, and several
    processes have that of one.

    Args:
        target (Tensor or sequence): What learns: maps (B, C, H, W), or nested lists of
            them.
        source (Tensor or sequence): What is learned from, likewise. Sides of other
            shapes are left to the loss.
        data_samples (list): The batch's data samples, with ``gt_sem_seg``.
        ignore_index (int): What stands for a label where there is none.

    Returns:
        Tensor or list[Tensor]: The target.

    Raises:
        ValueError: If a data sample has no labels of pixels.
    """
    labels = _labels(data_samples)
    return _ignore(target, source, labels == ignore_index)


def _labels(data_samples: Optional[Sequence[Any]]) -> Tensor:
    """The labels of a batch, shape (B, H, W)."""
    samples = data_samples or []
    if not samples or not all('gt_sem_seg' in sample for sample in samples):
        raise ValueError(
            '`ignore_index` leaves pixels out by their labels, and a data sample has '
            'none (`gt_sem_seg`).'
        )
    return torch.cat([sample.gt_sem_seg.data for sample in samples])


def _ignore(target: Any, source: Any, ignored: Tensor) -> Any:
    """The target with the source where pixels are ignored."""
    if not isinstance(target, Tensor) and not isinstance(source, Tensor):
        pairs = zip(target, source)
        whole = len(target) == len(source)
        return [_ignore(*pair, ignored) for pair in pairs] if whole else target
    if not isinstance(target, Tensor) or not isinstance(source, Tensor):
        return target
    if target.shape != source.shape or target.dim() != 4:
        return target
    size = (target.size(2), target.size(3))
    mask = F.interpolate(ignored[:, None].to(target), size, mode='nearest')
    return torch.where(mask > 0, source.to(target), target)
