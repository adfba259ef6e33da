# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Predictions of a stream's branches."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F

from .attach import record_branched


def predict_branches(model: Any, data: dict) -> tuple[list, list[list]]:
    """Predict with a classifier and its branches.

    Args:
        model (BaseModel): The model of a stream with branches.
        data (dict): A preprocessed batch, ``inputs`` and ``data_samples``.

    Returns:
        tuple[list, list[list]]: The model's own predictions, and those of each branch,
        shallow to deep: data samples with ``pred_score`` (K,) and ``pred_label`` (1,).
    """
    # Before the model writes its own prediction into them.
    blank = [sample.clone() for sample in data['data_samples']]
    with record_branched(model) as stages:
        own = model._run_forward(data, mode='predict')
    return own, [_predicted(logits, blank) for logits in model.branches(stages)]


def _predicted(logits: torch.Tensor, samples: Sequence) -> list:
    """Data samples with the prediction that logits make."""
    predicted = []
    for score, sample in zip(F.softmax(logits.float(), dim=1), samples):
        sample = sample.clone()
        sample.set_pred_score(score).set_pred_label(score.argmax())
        predicted.append(sample)
    return predicted
