# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The guided module of EKD: a bottleneck and a classifier on a stage."""

from collections import OrderedDict
from typing import Any, Optional, Union

from mmcv.cnn import ConvModule, build_activation_layer
from torch import Tensor, nn

from dynkd.models.streams.branches import Branch
from dynkd.models.streams.branches.base import ACT, NORM
from dynkd.registry import MODELS
from dynkd.utils.kinds import Count


class _Bottleneck(nn.Module):
    """A ResNet's bottleneck of stride 2 with a projection as its shortcut."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        expansion: int,
        norm_cfg: Optional[dict[str, Any]],
        act_cfg: dict[str, Any],
    ) -> None:
        super().__init__()
        narrow = out_channels // expansion
        linear = dict(norm_cfg=norm_cfg, act_cfg=None)
        active = dict(norm_cfg=norm_cfg, act_cfg=act_cfg)
        self.conv1 = ConvModule(in_channels, narrow, 1, **active)
        self.conv2 = ConvModule(narrow, narrow, 3, stride=2, padding=1, **active)
        self.conv3 = ConvModule(narrow, out_channels, 1, **linear)
        self.shortcut = ConvModule(in_channels, out_channels, 1, stride=2, **linear)
        self.activate = build_activation_layer(act_cfg)

    def forward(self, stage: Tensor) -> Tensor:
        """From (B, in_channels, H, W) to (B, out_channels, H/2, W/2), rounded up."""
        residual = self.conv3(self.conv2(self.conv1(stage)))
        return self.activate(residual + self.shortcut(stage))


@MODELS.register_module()
class GuidedModule(Branch):
    """A guided module of `Student Network Learning via Evolutionary Knowledge
    Distillation`, section III, with its fully connected layer.

    The paper only says: "we improve bottleneck module". The rest is ours: a 1 x 1
    convolution, a 3 x 3 convolution of stride 2 and a 1 x 1 convolution, each with
    batch normalisation, the first two with ReLU; added to a 1 x 1 convolution of stride
    2 with batch normalisation; ReLU; global average pooling. The vector before the
    fully connected layer, F of Eqs. 4 and 7, is thus the mean of a rectified map, like
    the one that a backbone's last stage is pooled to.

    A guided module reads its own stage only: what deeper ones pass on is not used.

    Args:
        in_channels (int): Channels of its stage.
        deeper_channels (int): Channels of what the next deeper branch passes on; of the
            stream's last stage for the deepest branch.
        num_classes (int): Number of classes, K.
        out_channels (int, optional): Length D of the vector before the fully connected
            layer. Two streams whose vectors are compared (Eq. 7) need the same.
            Defaults to None: the channels of the stream's last stage (ours).
        expansion (int): How many times narrower the convolutions inside are than
            ``out_channels``. Defaults to 4, as in a ResNet's bottleneck (ours).
        norm_cfg (dict, optional): Normalisation after each convolution, as in MMCV's
            ``ConvModule``. Defaults to ``dict(type='BN')``.
        act_cfg (dict): Activation. Defaults to ``dict(type='ReLU')``.
        init_cfg (dict or list[dict], optional): See :class:`Branch`. Defaults to None.

    Raises:
        ValueError: If ``out_channels`` is not a multiple of ``expansion``.
    """

    def __init__(
        self,
        in_channels: Count,
        deeper_channels: Count,
        num_classes: Count,
        out_channels: Optional[int] = None,
        expansion: int = 4,
        norm_cfg: Optional[dict[str, Any]] = NORM,
        act_cfg: dict[str, Any] = ACT,
        init_cfg: Union[dict[str, Any], list[dict[str, Any]], None] = None,
    ) -> None:
        out_channels = deeper_channels if out_channels is None else out_channels
        if expansion < 1 or out_channels < 1 or out_channels % expansion:
            raise ValueError(
                f'GuidedModule: out_channels={out_channels} must be a multiple of '
                f'expansion={expansion}, both at least 1.'
            )
        super().__init__(out_channels, init_cfg)
        block = _Bottleneck(in_channels, out_channels, expansion, norm_cfg, act_cfg)
        pool = nn.AdaptiveAvgPool2d(1)
        self.features = nn.Sequential(
            OrderedDict(bottleneck=block, pool=pool, flatten=nn.Flatten())
        )
        self.fc = nn.Linear(out_channels, num_classes)

    def forward(self, stage: Tensor, deeper: Tensor) -> tuple[Tensor, Tensor]:
        """Classify what a stage returns.

        Args:
            stage (Tensor): The feature map of its stage, of shape (B, C, H, W).
            deeper (Tensor): Not used.

        Returns:
            tuple[Tensor, Tensor]: The vector before the fully connected layer, of shape
            (B, D, 1, 1), and logits of shape (B, K).

        Raises:
            ValueError: If a single value would be normalised by its own statistics.
        """
        height, width = (-(-side // 2) for side in stage.shape[2:])
        self.require_statistics(stage.size(0) * height * width)
        features = self.features(stage)
        return features[:, :, None, None], self.fc(features)
