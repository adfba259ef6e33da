# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Maximum mean discrepancy between features."""

from collections.abc import Sequence
from typing import Optional

import torch
from torch import Tensor

from dynkd.registry import MODELS
from dynkd.utils.kinds import Count, Positive, Weight

from .points import PointCloudLoss, squared_distances


@MODELS.register_module()
class MMDLoss(PointCloudLoss):
    r"""Squared maximum mean discrepancy between two features: the alternative to EMD
    in `A General Dynamic Knowledge Distillation Method for Visual Analytics`.

    .. math::
        \mathrm{MMD}^2(X, Y) = \frac{1}{N^2} \sum_{i,j} k(x_i, x_j)
            + \frac{1}{M^2} \sum_{i,j} k(y_i, y_j)
            - \frac{2}{NM} \sum_{i,j} k(x_i, y_j)

    (V-statistic of `A Kernel Two-Sample Test
    <https://jmlr.org/papers/v13/gretton12a.html>`_) with the mean of several Gaussian
    kernels

    .. math::
        k(x, y) = \frac{1}{|b|} \sum_b \exp\left(-\frac{\lVert x - y \rVert^2}{b\,s}
            \right).

    Args:
        layout (str): What the points are, ``'spatial'``, ``'channel'`` or ``'batch'``.
            See :class:`~.points.PointCloudLoss`.
        bandwidths (Sequence[float]): The factors :math:`b`. Defaults to
            (0.25, 0.5, 1.0, 2.0, 4.0).
        scale (float, optional): The :math:`s`, in the unit of the features squared.
            Defaults to None: the mean squared distance between distinct points of both
            clouds together, computed for each pair of clouds and not differentiated.
        channel_dim (int, optional): Dimension of the channels, see
            :class:`~.points.PointCloudLoss`. Defaults to None.
        max_points (int, optional): Points that are compared at once, see
            :class:`~.points.PointCloudLoss`: the mean over interleaved groups. Memory
            is linear in it. None: all. Defaults to 1024.
        loss_weight (float): Factor of the loss. Defaults to 1.0.

    Raises:
        ValueError: If an argument is out of its range; in the forward pass, if the
            shapes do not allow the layout.
    """

    def __init__(
        self,
        layout: str,
        bandwidths: Sequence[Positive] = (0.25, 0.5, 1.0, 2.0, 4.0),
        scale: Optional[Positive] = None,
        channel_dim: Optional[int] = None,
        max_points: Optional[Count] = 1024,
        loss_weight: Weight = 1.0,
    ) -> None:
        super().__init__(layout, channel_dim, max_points, loss_weight)
        if not bandwidths:
            raise ValueError('MMDLoss: bandwidths must be one or more numbers.')
        self.bandwidths = tuple(bandwidths)
        self.scale = scale

    def cloud_loss(self, target: Tensor, source: Tensor) -> Tensor:
        """The squared discrepancy of each pair of clouds.

        Args:
            target (Tensor): Shape (clouds, N, coordinates).
            source (Tensor): Shape (clouds, M, coordinates).

        Returns:
            Tensor: Shape (clouds,).
        """
        counts = target.size(1), source.size(1)
        points = torch.cat((target, source), 1)
        # Squared distances by matrix products lose digits far from the origin.
        points = points - points.detach().mean(1, keepdim=True)
        distances = squared_distances(points, points)
        scaled = distances / self._scale(distances.detach())
        kernel = torch.stack([torch.exp(-scaled / b) for b in self.bandwidths]).mean(0)
        # With 1/N for the points of one cloud and -1/M for those of the other, the
        # three sums are one quadratic form.
        weights = torch.cat(
            (
                points.new_full((counts[0],), 1 / counts[0]),
                points.new_full((counts[1],), -1 / counts[1]),
            )
        )
        return (kernel @ weights) @ weights

    def _scale(self, distances: Tensor) -> Tensor:
        if self.scale is not None:
            return distances.new_full((1, 1, 1), self.scale)
        count = distances.size(1)
        mean = distances.sum((1, 2), keepdim=True) / (count * (count - 1))
        # If all points coincide there is no scale, and any scale makes the distance 0.
        return torch.where(mean > 0, mean, torch.ones_like(mean))
