# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Centred kernel alignment: how similar two representations of the same samples are.

With linear kernels and the unbiased estimator of HSIC, Eqs. 6 and 7 of `Better Teacher
Better Student: Dynamic Prior Knowledge for Knowledge Distillation
<https://arxiv.org/abs/2206.06067>`_. Neither an orthogonal map nor a scaling of either
side changes it, and the two may have different numbers of features.
"""

import torch
from torch import Tensor

from dynkd.utils import without_autocast

#: Samples that HSIC_1 needs: with fewer, its denominator is not positive.
MIN_SAMPLES = 4
#: Positions of maps that make up one minibatch.
_POSITIONS = 256
#: Samples up to which float32 is not enough: of few samples with many features, the
#: similarities are nearly equal, and HSIC_1 is what is left of their differences.
_FEW = 64
#: Values that are compared at once.
_PART = 2**22


def hsic1(k: Tensor, m: Tensor) -> Tensor:
    r"""Unbiased estimate of the Hilbert-Schmidt independence criterion, Eq. 6.

    .. math::
        \mathrm{HSIC}_1(K, L) = \frac{1}{n (n - 3)} \left(
            \mathrm{tr}(\tilde K \tilde L)
            + \frac{1^T \tilde K 1\, 1^T \tilde L 1}{(n - 1) (n - 2)}
            - \frac{2}{n - 2} 1^T \tilde K \tilde L 1 \right)

    where the tilde sets the diagonal to zero.

    Args:
        k (Tensor): Symmetric similarities :math:`K` of n samples, shape (..., n, n).
        m (Tensor): Symmetric similarities :math:`L` of the same samples in the other
            representation, the same shape.

    Returns:
        Tensor: The estimates, shape (...).

    Raises:
        ValueError: If there are fewer than 4 samples.
    """
    n = k.size(-1)
    _require_samples(n)
    off_diagonal = 1 - torch.eye(n, dtype=k.dtype, device=k.device)
    k, m = k * off_diagonal, m * off_diagonal
    k_rows, m_rows = k.sum(-1), m.sum(-1)
    trace = (k * m).sum((-1, -2))
    totals = k_rows.sum(-1) * m_rows.sum(-1) / ((n - 1) * (n - 2))
    cross = 2 / (n - 2) * (k_rows * m_rows).sum(-1)
    return (trace + totals - cross) / (n * (n - 3))


def hsic_terms(x: Tensor, y: Tensor) -> Tensor:
    """The three estimates of one minibatch that Eq. 7 averages.

    Features are centred first and compared outside of autocast, in float32: HSIC_1 does
    not change with the mean, but its digits are lost to it. Up to 64 samples, whose
    comparison costs little, it is float64 where the device has that.

    Args:
        x (Tensor): Features of n samples, shape (n, ...), flattened.
        y (Tensor): Features of the same samples in the other representation,
            shape (n, ...), flattened.

    Returns:
        Tensor: HSIC_1 of x with y, of x with itself and of y with itself, shape (3,).

    Raises:
        ValueError: If the sides have different numbers of samples, or fewer than 4.
    """
    if x.size(0) != y.size(0):
        raise ValueError(
            f'CKA compares the same samples twice, got {x.size(0)} of shape '
            f'{tuple(x.shape)} and {y.size(0)} of shape {tuple(y.shape)}'
        )
    _require_samples(x.size(0))
    return _terms(x.flatten(1), y.flatten(1))


def position_terms(x: Tensor, y: Tensor) -> Tensor:
    """The three estimates that Eq. 7 averages, with the positions of maps as samples.

    For features of few images (ours). The positions of all images are dealt out to
    minibatches of at most 256, whose estimates are averaged; a remainder of fewer
    positions than there are minibatches is left out.

    Args:
        x (Tensor): Maps of shape (B, C, H, W).
        y (Tensor): Maps of shape (B, C', H, W).

    Returns:
        Tensor: As of :func:`hsic_terms`, shape (3,).

    Raises:
        ValueError: If the sides have different positions, or fewer than 4.
    """
    if x.shape[:1] + x.shape[2:] != y.shape[:1] + y.shape[2:]:
        raise ValueError(
            f'CKA over positions needs the same ones twice, got maps of shape '
            f'{tuple(x.shape)} and {tuple(y.shape)}'
        )
    x, y = (side.flatten(2).transpose(1, 2).flatten(0, 1) for side in (x, y))
    _require_samples(len(x))
    count = -(-len(x) // _POSITIONS)
    size = len(x) // count
    # Each minibatch takes every `count`-th position, so that it has some of all images.
    x, y = (
        side[: size * count].unflatten(0, (size, count)).transpose(0, 1)
        for side in (x, y)
    )
    return _terms(x, y).mean(0)


def cka_of_terms(terms: Tensor) -> Tensor:
    r"""Centred kernel alignment of k minibatches, Eq. 7.

    .. math::
        \mathrm{CKA} = \frac{\sum_i \mathrm{HSIC}_1(X_i X_i^T, Y_i Y_i^T)}
            {\sqrt{\sum_i \mathrm{HSIC}_1(X_i X_i^T, X_i X_i^T)}
             \sqrt{\sum_i \mathrm{HSIC}_1(Y_i Y_i^T, Y_i Y_i^T)}}

    The factors 1/k of the three means cancel.

    Args:
        terms (Tensor): :func:`hsic_terms` of each minibatch, shape (k, 3).

    Returns:
        Tensor: The similarity, a scalar of at most 1; below 0 by chance only, for
        unrelated features. 0 (ours) where a side is the same for all samples, which
        has no similarity.
    """
    both, x, y = terms.sum(0)
    # Roots first: the product of two terms may exceed what float32 holds.
    scale = x.clamp(min=0).sqrt() * y.clamp(min=0).sqrt()
    return torch.where(scale > 0, both / scale, torch.zeros_like(both))


def cka(x: Tensor, y: Tensor) -> Tensor:
    """Centred kernel alignment of one minibatch, Eq. 7 with k = 1.

    Args:
        x (Tensor): Features of n samples, shape (n, ...), flattened.
        y (Tensor): Features of the same samples in the other representation,
            shape (n, ...), flattened.

    Returns:
        Tensor: The similarity, a scalar, see :func:`cka_of_terms`.

    Raises:
        ValueError: If the sides have different numbers of samples, or fewer than 4.
    """
    return cka_of_terms(hsic_terms(x, y)[None])


def _terms(x: Tensor, y: Tensor) -> Tensor:
    """HSIC_1 of x with y, x and y with themselves: (..., n, p) to (..., 3)."""
    wide = torch.float64 in (x.dtype, y.dtype)
    with without_autocast(x.device.type):
        k, m = (_similarities(side) for side in (x, y))
        terms = torch.stack((hsic1(k, m), hsic1(k, k), hsic1(m, m)), -1)
    return terms if wide else terms.float()


def _similarities(x: Tensor) -> Tensor:
    """Linear kernel of centred samples: (..., n, p) to (..., n, n)."""
    n = x.size(-2)
    wide = x.dtype == torch.float64 or (n <= _FEW and x.device.type != 'mps')
    similarities = x.new_zeros(())
    # In parts, for the wider copy of a detector's features might not fit in memory.
    for part in x.split(max(_PART // n, 1), -1):
        part = part.double() if wide else part.float()
        part = part - part.mean(-2, keepdim=True)
        similarities = similarities + part @ part.transpose(-1, -2)
    return similarities


def _require_samples(n: int) -> None:
    """Reject fewer samples than HSIC_1 needs."""
    if n < MIN_SAMPLES:
        raise ValueError(
            f'CKA needs at least {MIN_SAMPLES} samples to be unbiased, got {n}'
        )
