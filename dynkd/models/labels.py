# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The labels of a batch, as class probabilities or indices."""

from collections.abc import Sequence
from typing import Any, Optional, Union

import torch


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
        several. An empty list has shape (0, K).

    Raises:
        ValueError: If there are no data samples, one has no label, or its label is
            not a class.
    """
    if data_samples is None:
        raise ValueError('there are no data samples, whose labels are needed.')
    if not len(data_samples):
        return torch.zeros(0, num_classes, device=device)
    labels = [_label(sample) for sample in data_samples]
    if not all(map(_is_single, labels)):
        found = torch.stack([_row(label, num_classes) for label in labels])
        return found if device is None else found.to(device)
    # The usual case, of one class each: all at once.
    return _one_hot(_indices(labels, num_classes, device), num_classes)


def class_indices(
    data_samples: Optional[Sequence],
    num_classes: int,
    device: Union[torch.device, str, None] = None,
) -> torch.Tensor:
    """The labels of data samples that have one class each.

    Args:
        data_samples (list, optional): The data samples, each with a ``gt_label``.
        num_classes (int): Number of classes, K.
        device (torch.device or str, optional): Where to put them. Defaults to None:
            where the labels are.

    Returns:
        Tensor: Shape (B,), int64.

    Raises:
        ValueError: If there are no data samples, one has no label, several or a soft
            one, or its label is not a class.
    """
    if data_samples is None:
        raise ValueError('there are no data samples, whose labels are needed.')
    labels = [_label(sample) for sample in data_samples]
    if not all(map(_is_single, labels)):
        raise ValueError(
            'a data sample has a soft label, or several: labels of one class each are '
            'needed. Leave mixup, CutMix and label smoothing of the data out.'
        )
    if not labels:
        return torch.zeros(0, dtype=torch.long, device=device)
    return _indices(labels, num_classes, device)


def _is_single(label: torch.Tensor) -> bool:
    """Whether a label is the index of one class."""
    return not label.is_floating_point() and label.numel() == 1


def _indices(
    labels: Sequence[torch.Tensor],
    num_classes: int,
    device: Union[torch.device, str, None],
) -> torch.Tensor:
    """The classes of labels of one class each, of shape (B,)."""
    found = torch.cat([label.flatten() for label in labels])
    _check(found, num_classes)
    return found if device is None else found.to(device)


def _label(sample: Any) -> torch.Tensor:
    """What a sample says of its classes: their indices, or scores of all of them."""
    if 'gt_score' in sample:
        return sample.gt_score.float()
    if 'gt_label' not in sample:
        raise ValueError('a data sample has neither `gt_label` nor `gt_score`.')
    label = sample.gt_label
    # MMAction2's batch augmentations put their soft labels there.
    soft = label.is_floating_point() and label.numel() > 1
    return label.float() if soft else label.long()


def _row(label: torch.Tensor, num_classes: int) -> torch.Tensor:
    """The class probabilities of one sample, of shape (K,)."""
    if not label.is_floating_point():
        _check(label, num_classes)
        return _one_hot(label.flatten(), num_classes).mean(0)
    if label.shape != (num_classes,):
        raise ValueError(
            f'a data sample has a soft label of shape {tuple(label.shape)} for '
            f'{num_classes} classes.'
        )
    return label


def _check(labels: torch.Tensor, num_classes: int) -> None:
    """Reject labels that are not classes, where reading them makes nobody wait."""
    if labels.device.type != 'cpu':
        return  # where writing to a class that does not exist fails by itself
    values = labels.numpy()
    wrong = values[(values < 0) | (values >= num_classes)]
    if wrong.size or not values.size:
        raise ValueError(
            f'a data sample has the label {wrong.tolist()}, but there are '
            f'{num_classes} classes.'
        )


def _one_hot(labels: torch.Tensor, num_classes: int) -> torch.Tensor:
    """Probabilities of shape (B, K) of labels of shape (B,).

    ``F.one_hot`` looks at the labels first, for which an accelerator would wait.
    """
    zeros = torch.zeros(len(labels), num_classes, device=labels.device)
    return zeros.scatter_(1, labels[:, None], 1.0)
