# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Where features are strong."""

from torch import Tensor


def spatial_attention(feature: Tensor, temperature: float) -> Tensor:
    r"""Which positions of a feature are strong, section 3.1 of `Focal and Global
    Knowledge Distillation for Detectors`.

    .. math::
        A^S = H W \cdot \mathrm{softmax}\left(
            \frac{1}{C} \sum_k |F_k| / T\right)

    Args:
        feature (Tensor): Shape (B, C, H, W).
        temperature (float): T.

    Returns:
        Tensor: Shape (B, 1, H, W), with mean 1 over the positions.
    """
    strength = feature.abs().mean(1, keepdim=True) / temperature
    share = strength.flatten(1).softmax(1).view_as(strength)
    return share * strength[0].numel()


def channel_attention(feature: Tensor, temperature: float) -> Tensor:
    r"""Which channels of a feature are strong, section 3.1 of `Focal and Global
    Knowledge Distillation for Detectors`.

    .. math::
        A^C = C \cdot \mathrm{softmax}\left(
            \frac{1}{H W} \sum_{i,j} |F_{ij}| / T\right)

    Args:
        feature (Tensor): Shape (B, C, H, W).
        temperature (float): T.

    Returns:
        Tensor: Shape (B, C, 1, 1), with mean 1 over the channels.
    """
    strength = feature.abs().mean((2, 3), keepdim=True) / temperature
    return strength.softmax(1) * feature.size(1)
