# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Where a classifier looks: maps of Grad-CAM."""

import copy
from typing import Optional

import torch
import torch.nn.functional as F
from loaded_models import Model
from mmengine.registry import DefaultScope
from torch import Tensor

from dynkd.models.taps import collect


def grad_cam(feature: Tensor, scores: Tensor) -> Tensor:
    """The map of Grad-CAM: the channels, each by the mean of its gradient.

    Args:
        feature (Tensor): The map of features, shape (B, C, H, W), on the graph.
        scores (Tensor): The score of one class of each image, shape (B,).

    Returns:
        Tensor: Shape (B, H, W), from 0 to 1; 0 where nothing speaks for the class.
    """
    (gradient,) = torch.autograd.grad(scores.sum(), feature)
    weights = gradient.mean((2, 3), keepdim=True)
    found = (weights * feature).sum(1).clamp(min=0).detach()
    highest = found.flatten(1).amax(1)[:, None, None]
    return found / torch.where(highest > 0, highest, 1.0)


def maps_of(model: Model, batch: dict, target: Optional[int]) -> tuple[Tensor, Tensor]:
    """Run a model, and find where it looks.

    Args:
        model (Model): The model, with one tap.
        batch (dict): A batch as the data loader returns it.
        target (int, optional): The class to look for; None: each image's label.

    Returns:
        tuple[Tensor, Tensor]: The maps (B, H, W) at the size of the images that the
        model sees, and the classes (B,) that it predicts.

    Raises:
        SystemExit: If the tap yields no map of features, the model is no classifier, or
            has no such class.
    """
    with DefaultScope.overwrite_default_scope(model.scope):
        own = model.stream.prepare(copy.deepcopy(batch), False)
        with torch.enable_grad(), model.recorder(model.model) as recorded:
            # A frozen model builds a graph from its inputs alone.
            images = own['inputs'].requires_grad_()
            logits = model.model(images, own['data_samples'], mode='tensor')
    (feature,) = collect(recorded).values()
    tap = model.taps[0]
    if not isinstance(feature, Tensor) or feature.dim() != 4:
        raise SystemExit(f'The tap `{tap}` yields no map of shape (B, C, H, W).')
    if not isinstance(logits, Tensor) or logits.dim() != 2:
        raise SystemExit(f'The model of the tap `{tap}` is no classifier.')
    labels = [int(sample.gt_label) for sample in own['data_samples']]
    chosen = torch.tensor(labels if target is None else [target] * len(labels))
    for number in (int(chosen.min()), int(chosen.max())):
        if not 0 <= number < logits.size(1):
            raise SystemExit(
                f'There is no class {number}: the model has {logits.size(1)}.'
            )
    scores = logits.gather(1, chosen[:, None].to(logits.device)).squeeze(1)
    found = grad_cam(feature, scores)[:, None]
    found = F.interpolate(found, images.shape[2:], mode='bilinear', align_corners=False)
    return found[:, 0].cpu(), logits.argmax(1).cpu()
