# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Running data preprocessors, without work that changes nothing."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

#: Where MMPretrain's data preprocessor of images to classify is defined.
_CLASSIFIERS = ('mmpretrain.models.utils.data_preprocessor', 'ClsDataPreprocessor')
#: What it keeps, besides modules and buffers. One that keeps more may do more.
_KEPT = frozenset(vars(nn.Module())) | {
    '_device',
    '_enable_normalize',
    '_non_blocking',
    'batch_augments',
    'num_classes',
    'pad_size_divisor',
    'pad_value',
    'to_onehot',
    'to_rgb',
}


def preprocess(
    preprocessor: Any, data: dict[str, Any], training: bool
) -> dict[str, Any]:
    """Run a data preprocessor on a batch.

    What MMPretrain's does with images and labels to classify is done here with the
    same results, to the bit: images are normalised in place, those of a list all at
    once, and labels are written to the data samples only if they move to another
    device. One that mixes images, or is none of MMPretrain's, is called.

    Args:
        preprocessor (BaseDataPreprocessor): The data preprocessor.
        data (dict): A batch as the data loader returns it: ``inputs`` and, optionally,
            ``data_samples``.
        training (bool): Whether it is for training.

    Returns:
        dict: ``inputs`` and ``data_samples`` as the model receives them.
    """
    samples = data.get('data_samples')
    if not _only_normalises(preprocessor) or not _has_plain_labels(samples):
        return preprocessor(data, training)
    images = preprocessor.cast_data(data['inputs'])
    if not isinstance(images, torch.Tensor):
        if len({(image.shape, image.dtype) for image in images}) != 1:
            return preprocessor(data, training)
        images = torch.stack(list(images))
    if images.dim() != 4:
        return preprocessor(data, training)
    if samples is not None:
        _move_labels(samples, preprocessor.device)
    own = images is not data['inputs']
    images = _normalised(preprocessor, images, own)
    return dict(inputs=_padded(preprocessor, images), data_samples=samples)


def _only_normalises(preprocessor: Any) -> bool:
    """Whether it is MMPretrain's, as it came, and changes no labels."""
    kind = type(preprocessor)
    return (
        (kind.__module__, kind.__name__) == _CLASSIFIERS
        and vars(preprocessor).keys() <= _KEPT
        and not preprocessor._forward_hooks
        and not preprocessor._forward_pre_hooks
        and preprocessor.batch_augments is None
        and not preprocessor.to_onehot
    )


def _has_plain_labels(samples: Any) -> bool:
    """Whether data samples have labels, and no scores; or there are none at all."""
    if samples is None:
        return True
    from mmpretrain.structures import DataSample

    first = samples[0] if len(samples) else None
    return (
        isinstance(first, DataSample)
        and 'gt_label' in first
        and 'gt_score' not in first
    )


def _move_labels(samples: Sequence[Any], device: torch.device) -> None:
    """Move the labels to a device, all at once, unless they are there."""
    # All come from one data loader, and are where the first is.
    if samples[0].gt_label.device == device:
        return
    labels = [sample.gt_label for sample in samples]
    moved = torch.cat(labels).to(device).split([len(label) for label in labels])
    for sample, label in zip(samples, moved):
        sample.set_field(label, 'gt_label', dtype=torch.Tensor)


def _normalised(preprocessor: Any, images: torch.Tensor, own: bool) -> torch.Tensor:
    """The images in RGB, minus the mean, divided by the standard deviation.

    Args:
        preprocessor (BaseDataPreprocessor): What has the mean and the deviation.
        images (Tensor): The images, of shape (B, C, H, W).
        own (bool): Whether they may be overwritten.

    Returns:
        Tensor: The images, of the same shape, float32.
    """
    if preprocessor.to_rgb and images.size(1) == 3:
        images, own = images.flip(1), True
    given = images
    images = images.float()
    own = own or images is not given
    if not preprocessor._enable_normalize:
        return images
    mean, std = preprocessor.mean, preprocessor.std
    # Neither gray images with three means nor a mean in float64 fit in place.
    fits = mean.numel() in (1, images.size(1)) and mean.dtype is not torch.float64
    if own and fits:
        return images.sub_(mean).div_(std)
    images = images - mean
    return images.div_(std) if fits else images / std


def _padded(preprocessor: Any, images: torch.Tensor) -> torch.Tensor:
    """The images, padded at the right and at the bottom to what divides evenly."""
    divisor = preprocessor.pad_size_divisor
    if divisor <= 1:
        return images
    height, width = images.shape[-2:]
    padding = (0, -width % divisor, 0, -height % divisor)
    return F.pad(images, padding, 'constant', preprocessor.pad_value)
