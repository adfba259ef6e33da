# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Distances that ignore the scale and the offset of what they compare."""

from collections.abc import Sequence

import torch
from torch import Tensor


def standardise(values: Tensor, dim: Sequence[int]) -> Tensor:
    """Give values a mean of 0 and a variance of 1.

    Args:
        values (Tensor): The values.
        dim (sequence of int): The dimensions over which mean and variance are taken.

    Returns:
        Tensor: The same shape. Values that do not vary are all 0.
    """
    mean = values.mean(list(dim), keepdim=True)
    centred = values - mean
    # Deliberately without a gradient: the result does not depend on this scale, and the
    # powers of what is that small or large would leave the range of the format.
    with torch.no_grad():
        scale = centred.abs().amax(list(dim), keepdim=True)
        info = torch.finfo(values.dtype)
        # Rounding lets constants vary a little, which must not become a variance of 1.
        floor = mean.abs() * info.eps**0.5 + info.tiny**0.5
        varies = scale > floor
        scale = torch.where(varies, scale, 1)
    centred = centred / scale
    variance = centred.square().mean(list(dim), keepdim=True)
    return centred * torch.where(varies, variance, 1).rsqrt()


def pearson_distance(target: Tensor, source: Tensor, dim: Sequence[int]) -> Tensor:
    r"""One minus Pearson's correlation, the mean over the other dimensions.

    .. math::
        1 - r(t, s) = \frac{1}{2m} \sum_{i=1}^{m} (\hat t_i - \hat s_i)^2

    for :math:`\hat t`, :math:`\hat s` of mean 0 and variance 1.

    Args:
        target (Tensor): One side.
        source (Tensor): The other, the same shape.
        dim (sequence of int): The dimensions over which the m values are correlated.

    Returns:
        Tensor: A scalar in [0, 2]. Where one side does not vary, the correlation counts
        as 1/2, and where neither does, as 1.
    """
    apart = standardise(target, dim) - standardise(source, dim)
    return apart.square().mean() / 2
