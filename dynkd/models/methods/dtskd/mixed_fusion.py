# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The mixed fusion module of DTSKD: a stage fused with deeper ones."""

from typing import Any, Optional, Union

import torch
from mmcv.cnn import ConvModule
from torch import Tensor, nn

from dynkd.models.streams.branches import Branch
from dynkd.models.streams.branches.base import ACT, NORM
from dynkd.registry import MODELS
from dynkd.utils import TrainingData
from dynkd.utils.kinds import Count

FUSIONS = ('mixed', 'add', 'concat', 'none')


@MODELS.register_module()
class MixedFusionModule(Branch):
    r"""A branch of `Dual teachers for self-knowledge distillation`, section 3.3.

    .. math::
        F_b = \mathrm{Conv}\big((f_t(T_b) + f_s(F_{b+1})) \parallel f_s(F_{b+1})\big)

    Eq. 8 and Fig. 3, where :math:`T_b` is the map of its stage, :math:`F_{b+1}` what
    the next deeper branch passes on (the pooled map of the last stage for the deepest),
    :math:`f_t` global average pooling and a 1 x 1 convolution block, :math:`f_s` such a
    block alone, which runs once, :math:`\parallel` the concatenation of channels, and
    Conv a 1 x 1 convolution that halves them to the channels of :math:`F_{b+1}`. A
    fully connected layer classifies :math:`F_b`. A block is convolution, batch
    normalisation and ReLU; Conv is a convolution alone (both ours), or with
    ``merge_block`` a block, as in the authors' released code.

    Everything but the pooling runs on 1 x 1 maps, so that all branches together cost
    less than 2 % of the multiplications of a ResNet-18. Batch normalisation of such
    maps needs batches of at least two samples.

    Args:
        in_channels (int): Channels of its stage.
        deeper_channels (int): Channels of what the next deeper branch passes on, and
            of what it passes on itself; of the stream's last stage for the deepest.
        num_classes (int): Number of classes, K.
        fusion (str): ``'mixed'``: Eq. 8. The rows of Table 8: ``'concat'``,
            :math:`\mathrm{Conv}(f_t(T_b) \parallel f_s(F_{b+1}))` as a UNet does, and
            ``'add'``, :math:`f_t(T_b) + f_s(F_{b+1})` as an FPN does. The control of
            Table 7: ``'none'``, no link from deeper stages; there the 1 x 1 convolution
            block comes before the pooling, in the order in which the text names them,
            and runs on the whole map. Defaults to ``'mixed'``.
        merge_block (bool): Whether Conv, where there is one, is a block. Defaults to
            False.
        block_before_pool (bool): Whether :math:`f_t` has a block before the pooling
            too, on the whole map, as the authors' released code has for ShuffleNetV2.
            Defaults to False.
        norm_cfg (dict, optional): Normalisation in the blocks, as in MMCV's
            ``ConvModule``. Defaults to ``dict(type='BN')``.
        act_cfg (dict, optional): Activation in the blocks. Defaults to
            ``dict(type='ReLU')``.
        init_cfg (dict or list[dict], optional): See :class:`Branch`. Defaults to None.

    Raises:
        ValueError: If ``fusion`` is unknown; with ``block_before_pool`` if it is
            ``'none'``, where the only block is before the pooling anyway.
    """

    def __init__(
        self,
        in_channels: Count,
        deeper_channels: Count,
        num_classes: Count,
        fusion: str = 'mixed',
        merge_block: bool = False,
        block_before_pool: bool = False,
        norm_cfg: Optional[dict[str, Any]] = NORM,
        act_cfg: Optional[dict[str, Any]] = ACT,
        init_cfg: Union[dict[str, Any], list[dict[str, Any]], None] = None,
    ) -> None:
        if fusion not in FUSIONS:
            raise ValueError(
                f'MixedFusionModule: fusion must be one of {FUSIONS}, got {fusion!r}'
            )
        if fusion == 'none' and block_before_pool:
            raise ValueError(
                "MixedFusionModule: with fusion='none' the block is before the pooling "
                'already; leave block_before_pool out'
            )
        super().__init__(deeper_channels, init_cfg)
        self.fusion = fusion
        # In containers, where `init_cfg` reaches them: a ConvModule that is a direct
        # child would initialise itself again afterwards.
        block = dict(kernel_size=1, norm_cfg=norm_cfg, act_cfg=act_cfg)
        own = [in_channels] + [deeper_channels] * (1 + block_before_pool)
        lateral = [ConvModule(*sides, **block) for sides in zip(own, own[1:])]
        before = fusion == 'none' or block_before_pool
        lateral.insert(1 if before else 0, nn.AdaptiveAvgPool2d(1))
        self.lateral = nn.Sequential(*lateral)
        if fusion != 'none':
            self.top_down = nn.Sequential(
                ConvModule(deeper_channels, deeper_channels, **block)
            )
        if fusion in ('mixed', 'concat'):
            merge = block if merge_block else dict(kernel_size=1, act_cfg=None)
            self.merge = nn.Sequential(
                ConvModule(2 * deeper_channels, deeper_channels, **merge)
            )
        self.features = nn.Flatten()
        self.fc = nn.Linear(deeper_channels, num_classes)

    def data_fault(self, data: TrainingData) -> Optional[str]:
        """Why a step would fail; see :class:`~dynkd.engine.hooks.RunCheckHook`.

        Args:
            data (TrainingData): The training's data.

        Returns:
            str or None: What is wrong where an epoch has a batch of one sample, whose
            1 x 1 map batch normalisation cannot take.
        """
        single = self.fusion != 'none' and data.smallest_batch == 1
        return self._single_value() if single and self._batch_norms() else None

    def forward(self, stage: Tensor, deeper: Tensor) -> tuple[Tensor, Tensor]:
        """Fuse and classify what a stage returns.

        Args:
            stage (Tensor): The feature map :math:`T_b` of its stage, of shape
                (B, C, H, W).
            deeper (Tensor): :math:`F_{b+1}`, of shape (B, deeper_channels, 1, 1).

        Returns:
            tuple[Tensor, Tensor]: :math:`F_b`, of shape (B, deeper_channels, 1, 1), and
            logits of shape (B, K).

        Raises:
            ValueError: If a single value would be normalised by its own statistics.
        """
        positions = stage[0, 0].numel() if self.fusion == 'none' else 1
        self.require_statistics(stage.size(0) * positions)
        fused = self._fuse(stage, deeper)
        return fused, self.fc(self.features(fused))

    def _fuse(self, stage: Tensor, deeper: Tensor) -> Tensor:
        """Eq. 8, or the fusion that replaces it."""
        own = self.lateral(stage)
        if self.fusion == 'none':
            return own
        semantic = self.top_down(deeper)
        if self.fusion != 'concat':
            own = own + semantic
        if self.fusion == 'add':
            return own
        return self.merge(torch.cat([own, semantic], dim=1))
