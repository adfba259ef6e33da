# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Running a DETR-like detector without annotations, for a dry run."""

from typing import Any

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


def run_transformer(model: Any, inputs: torch.Tensor) -> None:
    """Run body, transformer and head, with the head's hooks, which ``forward`` of the
    model leaves out.

    Args:
        model (nn.Module): A DETR-like detector, in evaluation mode.
        inputs (Tensor): Images, shape (B, C, H, W).
    """
    shape = tuple(inputs.shape[-2:])
    sizes = dict(batch_input_shape=shape, img_shape=shape)
    samples = [BaseDataElement(metainfo=sizes) for _ in inputs]
    features = model.extract_feat(inputs)
    model.bbox_head(**model.forward_transformer(features, samples))
