# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The labels of a batch, as class probabilities."""

from collections.abc import Sequence
from typing import Any, Optional, Union

import torch
import torch.nn.functional as F


def class_probabilities(
    data_samples: Optional[Sequence],
    num_classes: int,
    device: Union[torch.device, str, None] = None,
) -> torch.Tensor:
    """The labels of data samples of MMPretrain or MMAction2, as class probabilities.

    Args:
        data_samples (list, optional): The data samples, each with a ``gt_label``, or
            with a ``gt_score`` where a batch augmentation made soft labels.
        num_classes (int): Number of classes, K.
        device (torch.device or str, optional): Where to put them. Defaults to None:
            where the labels are.

    Returns:
        Tensor: Probabilities of shape (B, K), float32; of one class, or evenly of
        several.

    Raises:
        ValueError: If there are no data samples, one has no label, or its label is
            not a class.
    """
    if not data_samples:
        raise ValueError('there are no data samples, whose labels are needed.')
    rows = [_probabilities(sample, num_classes) for sample in data_samples]
    return torch.stack(rows).to(device) if device is not None else torch.stack(rows)


def _probabilities(sample: Any, num_classes: int) -> torch.Tensor:
    """The class probabilities of one sample, of shape (K,)."""
    if 'gt_score' in sample:
        return _scores(sample.gt_score, num_classes)
    if 'gt_label' not in sample:
        raise ValueError('a data sample has neither `gt_label` nor `gt_score`.')
    # MMAction2's batch augmentations put their soft labels there.
    if sample.gt_label.is_floating_point() and sample.gt_label.numel() > 1:
        return _scores(sample.gt_label, num_classes)
    label = sample.gt_label.flatten().long()
    if label.numel() == 0 or label.min() < 0 or label.max() >= num_classes:
        raise ValueError(
            f'a data sample has the label {label.tolist()}, but there are '
            f'{num_classes} classes.'
        )
    return F.one_hot(label, num_classes).float().mean(0)


def _scores(score: torch.Tensor, num_classes: int) -> torch.Tensor:
    """Check the soft label of a sample."""
    if score.shape != (num_classes,):
        raise ValueError(
            f'a data sample has a soft label of shape {tuple(score.shape)} for '
            f'{num_classes} classes.'
        )
    return score.float()
