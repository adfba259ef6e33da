# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Running a DETR-like detector up to the outputs of its head."""

import inspect
from collections.abc import Sequence
from typing import Any, Optional

import torch
from mmengine.structures import BaseDataElement


def is_detr_like(model: Any) -> bool:
    """Whether a model has a transformer between its body and its head.

    Args:
        model (nn.Module): The model.

    Returns:
        bool: Whether it is one of MMDetection's DETR-like detectors.
    """
    return hasattr(model, 'forward_transformer') and hasattr(model, 'bbox_head')


def takes_images_only(model: Any) -> bool:
    """Whether a transformer takes features and data samples: Grounding DINO's takes a
    text too.

    Args:
        model (nn.Module): A DETR-like detector.

    Returns:
        bool: Whether :func:`run_transformer` runs it.
    """
    names = inspect.signature(model.forward_transformer).parameters
    return list(names) == ['img_feats', 'batch_data_samples']


def run_transformer(
    model: Any, inputs: torch.Tensor, samples: Optional[Sequence] = None
) -> None:
    """Run body, transformer and head, with the head's hooks, which ``forward`` of the
    model leaves out.

    Args:
        model (nn.Module): A DETR-like detector, in evaluation mode, in which its losses
            lack what they need.
        inputs (Tensor): Images, shape (B, C, H, W).
        samples (list, optional): Their data samples. Defaults to None: those of images
            without padding.
    """
    if samples is None:
        shape = tuple(inputs.shape[-2:])
        sizes = dict(batch_input_shape=shape, img_shape=shape)
        samples = [BaseDataElement(metainfo=sizes) for _ in inputs]
    features = model.extract_feat(inputs)
    model.bbox_head(**model.forward_transformer(features, samples))
