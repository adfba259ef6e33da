# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Branches: auxiliary classifiers on the stages of a stream's backbone."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Optional, Union

import torch.nn.functional as F
from mmengine.model import BaseModule, ModuleList
from mmengine.registry import DefaultScope
from torch import Tensor, nn

from dynkd.models.labels import class_probabilities
from dynkd.registry import MODELS
from dynkd.utils import at, checked
from dynkd.utils.kinds import Count, Weight

#: What follows the convolutions of branches by default.
NORM: dict[str, Any] = dict(type='BN')
ACT: dict[str, Any] = dict(type='ReLU')


class Branch(BaseModule):
    """An auxiliary classifier on one stage of a backbone.

    A subclass sets ``features``, the module whose output is the vector (B, D) that is
    classified, and ``fc``, the linear layer that classifies it, so that transfers tap
    ``'<stream>.branches.<index>.features'`` and ``'<stream>.branches.<index>.fc'``.

    Args:
        out_channels (int): Channels of what it passes on to the next shallower branch.
        init_cfg (dict or list[dict], optional): How to initialise it, as in MMEngine.
            Defaults to None: the linear layer as MMPretrain's ``LinearClsHead`` (ours),
            the convolutions as ``ConvModule`` does.
    """

    features: nn.Module
    fc: nn.Linear

    def __init__(
        self,
        out_channels: int,
        init_cfg: Union[dict[str, Any], list[dict[str, Any]], None] = None,
    ) -> None:
        super().__init__(init_cfg or dict(type='Normal', layer='Linear', std=0.01))
        self.out_channels = out_channels

    @abstractmethod
    def forward(self, stage: Tensor, deeper: Tensor) -> tuple[Tensor, Tensor]:
        """Classify what a stage returns.

        Args:
            stage (Tensor): The feature map of its stage, of shape (B, C, H, W).
            deeper (Tensor): What the next deeper branch passed on, of shape
                (B, C', 1, 1); the pooled map of the last stage for the deepest branch.

        Returns:
            tuple[Tensor, Tensor]: What it passes on, of shape (B, out_channels, 1, 1),
            and logits of shape (B, K).
        """

    def require_statistics(self, num_values: int) -> None:
        """Reject normalising single values by the statistics of their batch.

        Args:
            num_values (int): Values of a channel where there are the fewest: batch
                size x height x width.

        Raises:
            ValueError: If there is only one and a batch normalisation is in training
                mode.
        """
        if num_values == 1 and any(layer.training for layer in self._batch_norms()):
            raise ValueError(self._single_value())

    def _batch_norms(self) -> list[nn.BatchNorm2d]:
        """The layers that normalise by what this process has of a batch."""
        return [layer for layer in self.modules() if isinstance(layer, nn.BatchNorm2d)]

    def _single_value(self) -> str:
        """The message that a single value cannot be normalised, and what helps."""
        return (
            f'{type(self).__name__}: batch normalisation cannot learn from a batch of '
            'one sample whose map is 1 x 1. Train with at least two samples per batch '
            '(`drop_last=True` leaves out a last batch of one), or give the branches '
            'another `norm_cfg`.'
        )


@checked
class StageBranches(ModuleList):
    """The branches of one stream: a classifier on each stage but the last.

    Branch 0 is on the shallowest stage that has one. They run from deep to shallow,
    and each receives what the next deeper one passed on. Their classifiers learn from
    the labels by cross-entropy, the terms c < C of Eq. 9 of `Student Network Learning
    via Evolutionary Knowledge Distillation` (the stream's own loss is the term C).

    Args:
        module (dict): Config of one branch, such as ``dict(type='GuidedModule')``;
            each also receives its channels and the number of classes.
        channels (sequence of int): Channels of all stages, the last included, shallow
            to deep.
        num_classes (int): Number of classes, K.
        num (int, optional): How many branches. If there are fewer than the stages
            allow, they are on the deepest stages (ours). Defaults to None: one on each
            stage but the last.
        loss_weight (float): Factor of each classifier's cross-entropy; 0 computes none.
            Defaults to 1.0.
        stages (sequence of str, optional): Names of the stages, for messages. Defaults
            to None.
        init_cfg (dict or list[dict], optional): How to initialise all of them, as in
            MMEngine. Defaults to None: each branch's own initialisation.

    Raises:
        ValueError: If there are more branches than stages for them, or an argument is
            out of its range.
    """

    def __init__(
        self,
        module: dict[str, Any],
        channels: Sequence[Count],
        num_classes: Count,
        num: Optional[int] = None,
        loss_weight: Weight = 1.0,
        stages: Optional[Sequence[str]] = None,
        init_cfg: Union[dict[str, Any], list[dict[str, Any]], None] = None,
    ) -> None:
        self.channels = list(channels)
        self.num_classes = num_classes
        self.loss_weight = loss_weight
        self.stages = list(stages or [])
        num = len(self.channels) - 1 if num is None else num
        self._check(num)
        super().__init__(self._build(module, num), init_cfg)

    def _check(self, num: int) -> None:
        """Reject numbers that make no sense."""
        most = len(self.channels) - 1
        if 1 <= num <= most:
            return
        found = f'{len(self.channels)} stage(s)'
        if self.stages:
            found += f' ({", ".join(self.stages)})'
        raise ValueError(
            f'{num} branches on {found}: each stage but the last takes one, so `num` '
            f'must be between 1 and {most}.'
            if most > 0
            else f'branches need at least two stages, and there are {found}.'
        )

    def _build(self, module: dict[str, Any], num: int) -> list[Branch]:
        """Build the branches, each from what the next deeper one passes on."""
        deeper = self.channels[-1]
        branches: list[Branch] = []
        with DefaultScope.overwrite_default_scope('dynkd'):
            for own in reversed(self.channels[-1 - num : -1]):
                channels = dict(in_channels=own, deeper_channels=deeper)
                cfg = dict(module, **channels, num_classes=self.num_classes)
                with at('module'):
                    branches.append(MODELS.build(cfg))
                deeper = branches[-1].out_channels
        return branches[::-1]

    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        """Classify what the stages return.

        Args:
            features (Sequence[Tensor]): The feature maps of all stages, the last
                included, shallow to deep, each of shape (B, C, H, W).

        Returns:
            list[Tensor]: Logits of shape (B, K), shallow to deep.

        Raises:
            ValueError: If there is not one map for each stage.
        """
        if len(features) != len(self.channels):
            raise ValueError(
                f'the branches are for {len(self.channels)} stages, but the model ran '
                f'{len(features)} of them.'
            )
        deeper = F.adaptive_avg_pool2d(features[-1], 1)
        logits = []
        for branch, stage in zip(reversed(list(self)), reversed(features[:-1])):
            deeper, own = branch(stage, deeper)
            logits.append(own)
        return logits[::-1]

    def loss(
        self, logits: Sequence[Tensor], data_samples: Optional[Sequence]
    ) -> dict[str, Tensor]:
        """The cross-entropy of each branch's classifier, Eq. 9 of EKD.

        Args:
            logits (Sequence[Tensor]): What :meth:`forward` returned.
            data_samples (list): Data samples with a ``gt_label``, or with a
                ``gt_score`` where a batch augmentation made soft labels.

        Returns:
            dict[str, Tensor]: ``branches.<index>.loss``, scalars, means over the batch
            times ``loss_weight``; empty if that is 0.

        Raises:
            ValueError: If a data sample has no label or one that is not a class.
        """
        if not self.loss_weight:
            return {}
        labels = class_probabilities(data_samples, self.num_classes, logits[0].device)
        return {
            f'branches.{index}.loss': self.loss_weight
            * F.cross_entropy(own, labels.to(own.dtype))
            for index, own in enumerate(logits)
        }
