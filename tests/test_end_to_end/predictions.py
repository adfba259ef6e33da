# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Predictions of plain models, as plain tensors; knows nothing of DynKD."""

from collections.abc import Sequence
from typing import Any, Callable

import torch
from mmengine.dataset import Compose, pseudo_collate
from mmengine.structures import BaseDataElement


def predict(
    step: Callable[[dict], list], pipeline: Sequence[dict], images: Sequence[str]
) -> list[dict]:
    """Predict images in one batch.

    Args:
        step (Callable): Predicts a batch: a model's ``test_step``.
        pipeline (Sequence[dict]): The test pipeline; annotations are not loaded.
        images (Sequence[str]): Paths.

    Returns:
        list[dict]: The predictions of each image.
    """
    steps = Compose([s for s in pipeline if s['type'] != 'LoadAnnotations'])
    items = [dict(img_path=str(path), img_id=i) for i, path in enumerate(images)]
    with torch.no_grad():
        samples = step(pseudo_collate([steps(item) for item in items]))
    predicted = [_tensors(sample) for sample in samples]
    return [
        {k: v for k, v in sample.items() if k.startswith(('pred_', 'seg_logits'))}
        for sample in predicted
    ]


def _tensors(value: Any) -> Any:
    """The tensors of a data sample, in nested dicts."""
    if isinstance(value, BaseDataElement):
        return {key: _tensors(item) for key, item in sorted(value.items())}
    return value
