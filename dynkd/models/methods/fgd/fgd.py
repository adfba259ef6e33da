# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Distillation of detectors with weights for objects and the teacher's attention."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Optional

import torch
import torch.nn.functional as F
from mmcv.cnn.bricks import ContextBlock
from torch import Tensor, nn

from dynkd.models.transfers.losses import TransferLoss
from dynkd.models.transfers.losses.base import Levels
from dynkd.registry import MODELS
from dynkd.utils import TrainingData
from dynkd.utils.kinds import Count, Temperature, Weight

from .attention import channel_attention, spatial_attention
from .fgd_masks import (
    Boxes,
    background_masks,
    foreground_masks,
    ground_truth,
    require_boxes,
)

#: Share of the channels in the bottleneck of a context block, as FGD released it.
_RATIO = 0.5


class _Contexts(nn.Module):
    """The context blocks of one level, which sum up an image and add it everywhere.

    Args:
        channels (int): Channels of both sides.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.target = ContextBlock(channels, _RATIO)
        self.source = ContextBlock(channels, _RATIO)


class _Extra(NamedTuple):
    """What a level needs besides its features."""

    boxes: Optional[list[Boxes]]
    contexts: Optional[_Contexts]


@MODELS.register_module()
class FGDLoss(TransferLoss):
    r"""The loss of `Focal and Global Knowledge Distillation for Detectors
    <https://arxiv.org/abs/2111.11837>`_, which DPK has in its appendix A.2.

    .. math::
        L = \sum_{k,i,j} \left(w_f M_{ij} + w_b M'_{ij}\right) A^S_{ij} A^C_k
            \left(F^t_{kij} - F^s_{kij}\right)^2
            + \gamma \left(\lVert A^S_s - A^S \rVert_1
                + \lVert A^C_s - A^C \rVert_1\right)
            + \lambda \lVert R_t(F^t) - R_s(F^s) \rVert_2^2

    The first sum is Eq. 8 of `Better Teacher Better Student: Dynamic Prior Knowledge
    for Knowledge Distillation`, and Eq. 9 where the target is the hybrid feature of a
    :class:`~dynkd.models.methods.dpk.PriorKnowledge` connector. :math:`M` is the scale
    mask of the ground-truth boxes
    (:func:`~dynkd.models.methods.fgd.fgd_masks.foreground_masks`), :math:`M'` that of
    the background, and :math:`A^S`, :math:`A^C` are the source's spatial and channel
    attention (:mod:`~dynkd.models.methods.fgd.attention`). The second term
    brings the target's attention close to them, the third the relations between
    positions, which a GCNet block :math:`R` on each side sums up.

    As in the released code, each term is a sum over channels and positions, averaged
    over the batch; that is why the weights are small. One thing differs: boxes are
    placed by the shape of the padded batch, which is what the features cover, and not
    by that of the image before it was padded (ours).

    A term of weight 0 is not computed and has no parameters; without ``foreground`` and
    ``background`` no data samples are needed. Where the target has other channels than
    the source, a :class:`~dynkd.models.transfers.connectors.ChannelAligner` as the
    transfer's ``target_connector`` is the adaptation layer.

    Args:
        foreground (float): :math:`w_f` of DPK, FGD's alpha. DPK: 5e-5 for two-stage
            detectors, 2e-3 for one-stage ones.
        background (float): :math:`w_b` of DPK, FGD's beta. DPK: 2.5e-5 for two-stage
            detectors, 5e-4 for one-stage ones.
        attention (float): FGD's gamma. Its released configs have 5e-5 for
            Faster R-CNN, 5e-4 for RetinaNet and 8e-4 for FCOS. Defaults to 0.0.
        relation (float): FGD's lambda. Its released configs have 5e-7 for
            Faster R-CNN, 5e-6 for RetinaNet and 8e-6 for FCOS. Defaults to 0.0.
        temperature (float): T of the attentions; a higher one is more even. Defaults to
            0.5, FGD's; its released config for FCOS has 0.8.
        channels (int, optional): Channels of the source, needed by ``relation``.
            Defaults to None.
        num_levels (int, optional): Levels with blocks R of their own. Defaults to None:
            all levels share them.
        loss_weight (float): Factor of the loss. Defaults to 1.0.

    Raises:
        ValueError: If a weight is negative or all are 0, the temperature is not
            positive, or ``relation`` has no ``channels``; in the forward pass, if
            levels, shapes, channels or the number of data samples do not fit.
    """

    #: See :func:`~dynkd.models.transfers.token_maps.takes_maps`.
    takes_maps = True

    def __init__(
        self,
        foreground: Weight,
        background: Weight,
        attention: Weight = 0.0,
        relation: Weight = 0.0,
        temperature: Temperature = 0.5,
        channels: Optional[Count] = None,
        num_levels: Optional[Count] = None,
        loss_weight: Weight = 1.0,
    ) -> None:
        super().__init__(loss_weight)
        self.weights = dict(
            foreground=foreground,
            background=background,
            attention=attention,
            relation=relation,
        )
        _check_any(self.weights)
        if relation and (channels is None or channels < 2):
            raise ValueError(
                f'FGDLoss: relation={relation} needs the channels of the source, 2 or '
                f'more, got channels={channels}'
            )
        self.temperature = temperature
        self.channels = channels
        self.num_levels = num_levels
        self.contexts = nn.ModuleList(
            _Contexts(channels or 0) for _ in range(num_levels or 1) if relation
        )
        self.stats: dict[str, Tensor] = {}

    def forward(  # type: ignore[override]  # transfers read which extras it names
        self,
        target: Levels,
        source: Levels,
        data_samples: Optional[Sequence[Any]] = None,
    ) -> Tensor:
        """The weighted loss, summed over the levels.

        Afterwards ``stats`` has the value of each term, with its own weight and summed
        over the levels.

        Args:
            target (Tensor | Sequence[Tensor]): What learns, shape (B, C, H, W), or one
                per level.
            source (Tensor | Sequence[Tensor]): What is learned from, the same shapes.
            data_samples (Sequence, optional): MMDetection's data samples of the batch,
                needed by ``foreground`` and ``background``; see
                :func:`~dynkd.models.methods.fgd.fgd_masks.ground_truth`.

        Returns:
            Tensor: A scalar.

        Raises:
            ValueError: If levels, shapes, channels or the number of data samples do not
                fit.
            TypeError: If data samples are needed and there are none.
            AttributeError: If a data sample has no boxes or no shape.
        """
        targets = self._levels(target, 'target')
        sources = self._levels(source, 'source')
        # Before the boxes, so that a dry run without boxes shows it too.
        self._check(targets, sources)
        boxes = self._boxes(data_samples, len(targets[0]))
        contexts: list[Any] = list(self.contexts) or [None]
        if len(contexts) == 1:
            contexts *= len(targets)
        self.stats = {}
        losses = [
            super(FGDLoss, self).forward(*pair, extra=_Extra(boxes, own))
            for *pair, own in zip(targets, sources, contexts)
        ]
        return torch.stack(losses).sum()

    def data_fault(self, data: TrainingData) -> Optional[str]:
        """Why there is no foreground; see :class:`~dynkd.engine.hooks.RunCheckHook`.

        Args:
            data (TrainingData): The training's data.

        Returns:
            str or None: What is wrong where a weighted term needs boxes, and the first
            data sample has none that could be used.
        """
        if not self._needs_boxes or data.first_sample is None:
            return None
        try:
            require_boxes(data.first_sample, "the training's first data sample")
        except (AttributeError, ValueError) as error:
            return str(error)
        return None

    def level_loss(
        self, target: Tensor, source: Tensor, extra: _Extra, **others: Any
    ) -> Tensor:
        """The weighted terms of one level.

        Args:
            target (Tensor): What learns, shape (B, C, H, W).
            source (Tensor): What is learned from, the same shape.
            extra (_Extra): The boxes and the context blocks, where they are needed.
            **others: Not used.

        Returns:
            Tensor: A scalar.
        """
        attention = self._attentions(source)
        terms = self._focal(target, source, attention, extra.boxes)
        if self.weights['attention']:
            sides = zip(self._attentions(target), attention)
            apart = [(own - other).abs().sum() for own, other in sides]
            terms['attention'] = torch.stack(apart).sum()
        if extra.contexts is not None:
            # MMCV's blocks view the positions as one dimension.
            own = extra.contexts.target(target.contiguous())
            other = extra.contexts.source(source.contiguous())
            terms['relation'] = F.mse_loss(own, other, reduction='sum')
        weighted = {
            name: self.weights[name] * term / len(target)
            for name, term in terms.items()
        }
        for name, term in weighted.items():
            self.stats[name] = self.stats.get(name, 0) + term.detach()
        return torch.stack(list(weighted.values())).sum()

    def _attentions(self, feature: Tensor) -> tuple[Tensor, Tensor]:
        """The spatial and the channel attention of a feature."""
        return (
            spatial_attention(feature, self.temperature),
            channel_attention(feature, self.temperature),
        )

    def _focal(
        self,
        target: Tensor,
        source: Tensor,
        attention: tuple[Tensor, Tensor],
        boxes: Optional[list[Boxes]],
    ) -> dict[str, Tensor]:
        """Eq. 8 of DPK for foreground and background, where their weights are not 0."""
        if boxes is None:
            return {}
        spatial, channel = attention
        errors = spatial * (channel * (target - source).square()).sum(1, keepdim=True)
        size = target.size(2), target.size(3)
        foreground = foreground_masks(boxes, size).to(target)
        masks = dict(foreground=foreground, background=background_masks(foreground))
        return {
            name: (mask * errors.squeeze(1)).sum()
            for name, mask in masks.items()
            if self.weights[name]
        }

    @property
    def _needs_boxes(self) -> bool:
        """Whether a weighted term needs the ground-truth boxes."""
        return bool(self.weights['foreground'] or self.weights['background'])

    def _boxes(
        self, data_samples: Optional[Sequence[Any]], batch: int
    ) -> Optional[list[Boxes]]:
        """The ground-truth boxes, if a weighted term needs them."""
        if not self._needs_boxes:
            return None
        boxes = ground_truth(data_samples)
        if len(boxes) != batch:
            raise ValueError(
                f'FGDLoss: {len(boxes)} data sample(s) for a batch of {batch} images'
            )
        return boxes

    def _check(self, targets: Sequence[Tensor], sources: Sequence[Tensor]) -> None:
        """Reject features that the loss cannot compare."""
        found = [len(targets), len(sources)]
        if found != [self.num_levels or found[0]] * 2:
            raise ValueError(
                f'FGDLoss: the target has {found[0]} level(s) and the source '
                f'{found[1]}, and num_levels={self.num_levels}; choose taps with the '
                "same number of levels, for example one level of each, as in 'neck[0]'"
            )
        for target, source in zip(targets, sources):
            self.require_same_shape(target, source)
            if target.dim() != 4:
                raise ValueError(
                    f'FGDLoss: the features have shape {tuple(target.shape)}; they '
                    'must be maps, (B, C, H, W)'
                )
            if self.contexts and target.size(1) != self.channels:
                raise ValueError(
                    f'FGDLoss: the features have {target.size(1)} channels, but '
                    f'channels={self.channels}'
                )


def _check_any(weights: dict[str, float]) -> None:
    """Reject weights with which there is nothing to learn."""
    if not any(weights.values()):
        raise ValueError(
            f'FGDLoss: all of {", ".join(weights)} are 0: there is nothing to compare'
        )
