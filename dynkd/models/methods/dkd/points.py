# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Features as clouds of points, for losses that compare distributions."""

import logging
from abc import abstractmethod
from collections.abc import Iterator
from typing import Any, Optional

import torch
from mmengine.logging import print_log
from torch import Tensor

from dynkd.models.transfers.losses import TransferLoss
from dynkd.models.transfers.losses.base import channel_dim_of
from dynkd.models.transfers.losses.hints import connector_hint, rank_hint

LAYOUTS = ('spatial', 'channel', 'batch')


def to_points(
    feature: Tensor, layout: str, channel_dim: Optional[int] = None
) -> Tensor:
    """Read a feature as clouds of points.

    Args:
        feature (Tensor): Shape (B, C), (B, L, C), (B, C, H, W) or (B, C, T, H, W).
        layout (str): ``'spatial'``, ``'channel'`` or ``'batch'``, see
            :class:`PointCloudLoss`.
        channel_dim (int, optional): See :func:`~.base.channel_dim_of`.

    Returns:
        Tensor: Clouds of points, shape (clouds, points, coordinates).
    """
    dim = channel_dim_of(feature, channel_dim)
    if layout == 'batch':
        return feature.flatten(1).unsqueeze(0)
    points = feature.movedim(dim, -1).unsqueeze(1).flatten(1, -2)
    return points if layout == 'spatial' else points.mT


def interleaved_groups(
    target: Tensor, source: Tensor, max_points: Optional[int]
) -> Iterator[tuple[Tensor, Tensor, float]]:
    """Split two sets of clouds into groups of at most ``max_points`` points.

    Point ``i`` goes to group ``i mod G``, on both sides: every group is a sample from
    the whole image, a position stays with its own counterpart, and every point is in
    exactly one group, so that the gradient reaches all of them.

    Args:
        target (Tensor): Shape (clouds, points, coordinates).
        source (Tensor): The same, possibly with another number of points.
        max_points (int, optional): Points in a group. None: one group with all.

    Yields:
        Tuple[Tensor, Tensor, float]: Groups of equal size as clouds of their own, from
        target and source, and which share of all points they hold.
    """
    counts = target.size(1), source.size(1)
    groups = 1 if max_points is None else -(-max(counts) // max_points)
    groups = min(groups, *counts)
    if groups == 1:
        yield target, source, 1.0
        return
    # Groups below points % G hold one point more than the others.
    bounds = sorted({0, groups, *(count % groups for count in counts)})
    for begin, end in zip(bounds[:-1], bounds[1:]):
        parts = [_every(points, groups, begin, end) for points in (target, source)]
        held = [
            part.size(1) * (end - begin) / count for part, count in zip(parts, counts)
        ]
        yield parts[0], parts[1], sum(held) / 2


def _every(points: Tensor, groups: int, begin: int, end: int) -> Tensor:
    """Groups ``begin`` to ``end`` of every ``groups``-th point, as separate clouds."""
    windows = points[:, begin:].unfold(1, end - begin, groups)
    return windows.permute(0, 3, 1, 2).flatten(0, 1)


def squared_distances(x: Tensor, y: Tensor) -> Tensor:
    """All squared distances, by one matrix product per cloud.

    Args:
        x (Tensor): Shape (clouds, N, coordinates).
        y (Tensor): Shape (clouds, M, coordinates).

    Returns:
        Tensor: Shape (clouds, N, M). Rounding can leave zeros slightly negative.
    """
    x_norms, y_norms = x.square().sum(-1), y.square().sum(-1)
    distances = torch.baddbmm(y_norms.unsqueeze(1), x, y.mT, alpha=-2)
    return distances + x_norms.unsqueeze(2)


class PointCloudLoss(TransferLoss):
    """A loss between features that are read as clouds of points.

    Args:
        layout (str): What the points are. For a feature of shape (B, C, H, W):

            - ``'spatial'``: the HW positions, points in R^C, for each image. Needs as
              many channels on both sides; the resolutions may differ.
            - ``'channel'``: the C channels, points in R^HW, for each image. Needs the
              same resolution on both sides; the channel counts may differ.
            - ``'batch'``: the B images, points in R^CHW. Needs equal shapes.

            The loss is the mean over the images ('batch': there is one cloud only).
            The three are different losses, by orders of magnitude, so there is no
            default. Video features (B, C, T, H, W) have THW positions. Features of
            shape (B, C) have a single position: 'spatial' pairs each image with
            itself, 'batch' compares the distributions over the batch.
        channel_dim (int, optional): Dimension of the channels. Defaults to None: 1, but
            the last for 3-D features, which are tokens of shape (B, L, C). Set 1 for
            3-D features of shape (B, C, T), and -1 for maps of shape (B, H, W, C).
        max_points (int, optional): Clouds with more points are split into interleaved
            groups of at most so many (point i is in group i mod G, on both sides); the
            loss is the mean over the groups. Matching within groups is also a matching
            of the whole clouds, so the result is an upper bound of the whole
            distance, and equal to it if the best partners share a group, as they do
            once the features are close. Time and memory then grow linearly with the
            number of points, and the gradient reaches every point, which subsampling
            would not do, with the variance that average pooling would remove. The first
            split is logged as a warning. None: never split.
        loss_weight (float): Factor of the loss. Defaults to 1.0.

    Raises:
        ValueError: If the layout is unknown or ``max_points`` is below 1; in the
            forward pass, if the shapes do not allow the layout.
    """

    def __init__(
        self,
        layout: str,
        channel_dim: Optional[int] = None,
        max_points: Optional[int] = None,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__(loss_weight)
        if layout not in LAYOUTS:
            raise ValueError(
                f'{type(self).__name__}: layout must be one of {LAYOUTS}, got '
                f'{layout!r}'
            )
        if max_points is not None and max_points < 1:
            raise ValueError(
                f'{type(self).__name__}: max_points must be at least 1, or None to '
                f'take all points, got {max_points}'
            )
        self.layout = layout
        self.channel_dim = channel_dim
        self.max_points = max_points
        self._said = False

    def group_size(self, target: Tensor, source: Tensor) -> Optional[int]:
        """How many points of these clouds are compared at once.

        Args:
            target (Tensor): Shape (clouds, N, coordinates).
            source (Tensor): Shape (clouds, M, coordinates).

        Returns:
            int, optional: ``max_points``, unless a subclass knows better. None: all.
        """
        return self.max_points

    @abstractmethod
    def cloud_loss(self, target: Tensor, source: Tensor) -> Tensor:
        """The distance of each pair of clouds.

        Args:
            target (Tensor): Shape (clouds, N, coordinates).
            source (Tensor): Shape (clouds, M, coordinates).

        Returns:
            Tensor: Shape (clouds,).
        """

    def level_loss(self, target: Tensor, source: Tensor, **extra: Any) -> Tensor:
        """The mean distance of the clouds of one level.

        Args:
            target (Tensor): A feature, see the class.
            source (Tensor): A feature, see the class.
            **extra: Not used.

        Returns:
            Tensor: A scalar.
        """
        own, other = (
            to_points(feature, self.layout, self.channel_dim)
            for feature in (target, source)
        )
        self._check(target, source, own, other)
        size = self.group_size(own, other)
        self._warn_of_groups(own.size(1), other.size(1), size)
        loss = target.new_zeros(())
        for target_group, source_group, share in interleaved_groups(own, other, size):
            loss = loss + share * self.cloud_loss(target_group, source_group).mean()
        return loss

    def _warn_of_groups(self, points: int, others: int, size: Optional[int]) -> None:
        """Say, the first time, that clouds are compared in parts."""
        if self._said or size is None or max(points, others) <= size:
            return
        self._said = True
        print_log(
            f'{type(self).__name__}: clouds of {points} and {others} points are '
            f'compared in groups of at most max_points={size}, whose mean is more than '
            'the distance of the whole clouds while these are far apart. '
            '`max_points=None` compares them as a whole, and takes longer.',
            logger='current',
            level=logging.WARNING,
        )

    def _check(
        self, target: Tensor, source: Tensor, target_cloud: Tensor, source_cloud: Tensor
    ) -> None:
        same_clouds = target_cloud.size(0) == source_cloud.size(0)
        points = target_cloud.size(1) and source_cloud.size(1)
        if same_clouds and points and target_cloud.size(2) == source_cloud.size(2):
            return
        ranks = rank_hint(target, source)
        if ranks:
            problem = ranks
        elif not same_clouds or (self.layout == 'batch' and not points):
            problem = 'the batch sizes differ'
        elif not points:
            problem = 'one of them has no points'
        elif self.layout == 'spatial':
            problem = 'the channel counts differ; ' + connector_hint(
                target, target_cloud.size(2), source_cloud.size(2)
            )
        elif self.layout == 'channel':
            problem = (
                'the resolutions differ; choose taps of the same resolution, or '
                "layout='spatial', which compares maps of any size"
            )
        else:
            problem = (
                'every image must have the same shape on both sides; choose taps of '
                'the same resolution, and a ChannelAligner as connector for channels'
            )
        raise ValueError(
            f'{type(self).__name__}: the target has shape {tuple(target.shape)} and '
            f'the source {tuple(source.shape)}, which layout={self.layout!r} cannot '
            f'compare: {problem}'
        )
