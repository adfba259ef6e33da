# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Earth mover's distance between features."""

from typing import Optional

import torch
from geomloss import SamplesLoss
from torch import Tensor

from dynkd.registry import MODELS
from dynkd.utils.kinds import Count, Positive, Weight

from .assignment import optimal_matching
from .points import PointCloudLoss

SOLVERS = ('auto', 'exact', 'sinkhorn')
#: Sinkhorn's blur where none is given, relative to the extent of both clouds.
BLUR = 1e-3
#: Extent below which all points count as one.
TINY = 1e-30


@MODELS.register_module()
class EMDLoss(PointCloudLoss):
    r"""Earth mover's distance between two features, Eq. 1 of `A General Dynamic
    Knowledge Distillation Method for Visual Analytics`.

    .. math::
        \mathrm{EMD}(X, Y) = \inf_{\gamma \in \Gamma(X, Y)}
            \int c(x, y) \, d\gamma(x, y), \qquad
        c(x, y) = \lVert x - y \rVert_2^p / p

    for the uniform distributions on two clouds of points. Eq. 1 has :math:`p = 1`.
    With :math:`p = 2` it is half the squared Wasserstein-2 distance: the factor is
    GeomLoss's convention, so that a loss weight means the same with either solver.

    Two solvers:

    - *exact*: between equal numbers of points an optimal plan is a permutation, found
      by :func:`~.assignment.optimal_matching`. Only the distances of the matched pairs
      are differentiated: by the envelope theorem that is the gradient of the whole
      infimum, as the plan's own change contributes nothing. Memory is the cost matrices
      of a few clouds, never a graph over them. Where matched points coincide and
      :math:`p = 1`, their gradient is zero (a subgradient).
    - *sinkhorn*: GeomLoss's debiased Sinkhorn divergence, an approximation that is
      made of matrix operations: for unequal numbers of points, and for GPUs.

    Args:
        layout (str): What the points are, ``'spatial'``, ``'channel'`` or ``'batch'``.
            See :class:`~.points.PointCloudLoss`.
        p (int): Power of the distance, 1 or 2. Defaults to 1, as in Eq. 1.
        solver (str): ``'exact'``, ``'sinkhorn'`` or ``'auto'``: exact on the CPU
            between equal numbers of points, Sinkhorn otherwise. Unless Sinkhorn is
            requested, equal numbers of points on a line (2-D features,
            ``layout='channel'``) are matched by sorting, exactly, on every device.
            Defaults to ``'auto'``.
        blur (float, optional): Scale, in the unit of the features, below which Sinkhorn
            does not tell points apart. Defaults to None: a thousandth of the extent of
            both clouds, so that the loss is as exact for features of any scale.
            GeomLoss's default is 0.05, for points in the unit square.
        scaling (float): How much the scale shrinks in a Sinkhorn iteration, in (0, 1):
            nearer to 1 is more accurate and slower. Defaults to 0.5.
        channel_dim (int, optional): Dimension of the channels, see
            :class:`~.points.PointCloudLoss`. Defaults to None.
        max_points (int, optional): Points that are matched at once, see
            :class:`~.points.PointCloudLoss`. An assignment takes time cubic in it: on
            untrained ResNet features with levels of 1200, 300 and 70 positions, groups
            of 512 took a sixth of the time of whole levels, for a value 0.8 % greater.
            None: all. Defaults to 512, by which the 441 positions of a feature of
            stride 32 at 667 x 667 pixels are matched at once.
        loss_weight (float): Factor of the loss. Defaults to 1.0.

    Raises:
        ValueError: If an argument is out of its range; in the forward pass, if the
            shapes do not allow the layout, or ``solver='exact'`` meets unequal numbers
            of points.
    """

    def __init__(
        self,
        layout: str,
        p: int = 1,
        solver: str = 'auto',
        blur: Optional[Positive] = None,
        scaling: float = 0.5,
        channel_dim: Optional[int] = None,
        max_points: Optional[Count] = 512,
        loss_weight: Weight = 1.0,
    ) -> None:
        super().__init__(layout, channel_dim, max_points, loss_weight)
        if p not in (1, 2):
            raise ValueError(f'EMDLoss: p must be 1 or 2, got {p}')
        if solver not in SOLVERS:
            raise ValueError(
                f'EMDLoss: solver must be one of {SOLVERS}, got {solver!r}'
            )
        if not 0 < scaling < 1:
            raise ValueError(
                f'EMDLoss: scaling must be between 0 and 1, exclusive, got {scaling}'
            )
        self.p = p
        self.solver = solver
        self.blur = blur
        self.scaling = scaling

    def cloud_loss(self, target: Tensor, source: Tensor) -> Tensor:
        """The earth mover's distance of each pair of clouds.

        Args:
            target (Tensor): Shape (clouds, N, coordinates).
            source (Tensor): Shape (clouds, M, coordinates).

        Returns:
            Tensor: Shape (clouds,).

        Raises:
            ValueError: If ``solver='exact'`` and N differs from M.
        """
        equal = target.size(1) == source.size(1)
        if self.solver == 'exact' and not equal:
            raise ValueError(
                f"EMDLoss: solver='exact' needs equal numbers of points, got "
                f'{target.size(1)} in the target and {source.size(1)} in the source; '
                "choose solver='auto' or 'sinkhorn', or taps of the same size"
            )
        easy = (
            target.device.type == 'cpu'
            or target.size(1) == 1
            or self._sorts(target, source)
        )
        if self.solver == 'exact' or (self.solver == 'auto' and equal and easy):
            return self._exact(target, source)
        return self._sinkhorn(target, source)

    def group_size(self, target: Tensor, source: Tensor) -> Optional[int]:
        """``max_points``; all points where sorting solves them."""
        return None if self._sorts(target, source) else self.max_points

    def _sorts(self, target: Tensor, source: Tensor) -> bool:
        """Whether the points lie on a line, and are matched by sorting them."""
        return (
            self.solver != 'sinkhorn'
            and target.size(2) == 1
            and target.size(1) == source.size(1)
        )

    def _exact(self, target: Tensor, source: Tensor) -> Tensor:
        if self._sorts(target, source):
            # On a line the cheapest matching keeps the order, for any convex cost.
            target, source = target.sort(1).values, source.sort(1).values
        else:
            matching = optimal_matching(target, source, self.p).unsqueeze(-1)
            source = source.gather(1, matching.expand_as(source))
        difference = target - source
        if self.p == 1:
            return torch.linalg.vector_norm(difference, dim=-1).mean(1)
        return difference.square().sum(-1).mean(1) / 2

    def _sinkhorn(self, target: Tensor, source: Tensor) -> Tensor:
        with torch.no_grad():
            points = torch.cat((target.flatten(0, 1), source.flatten(0, 1)))
            low, high = points.amin(0), points.amax(0)
            extent = torch.linalg.vector_norm(high - low).item()
        if not TINY < extent < float('inf'):
            # Points that coincide or are not finite, where GeomLoss's estimate fails.
            extent = self.blur or 1.0
        # GeomLoss takes 1e-4 for 0: with its own blur, that is the unit. And it loses
        # digits of points that are far from the origin.
        unit, blur = (BLUR * extent, 1.0) if self.blur is None else (1.0, self.blur)
        centre = (low + high) / 2
        sides = [((side - centre) / unit).contiguous() for side in (target, source)]
        solver = SamplesLoss(
            'sinkhorn',
            p=self.p,
            blur=blur,
            scaling=self.scaling,
            diameter=max(extent / unit, blur),
            backend='tensorized',
        )
        return unit**self.p * solver(*sides)
