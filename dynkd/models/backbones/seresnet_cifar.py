# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""SE-ResNet for images of 32x32."""

from typing import Any

from mmpretrain.models.backbones import ResNet_CIFAR, SEResNet
from mmpretrain.models.backbones.resnet import BasicBlock
from mmpretrain.models.utils import SELayer
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from dynkd.registry import MODELS


class SEBasicBlock(BasicBlock):
    """Basic residual block whose channels are weighted before the sum.

    From `Squeeze-and-Excitation Networks <https://arxiv.org/abs/1709.01507>`_.

    Args:
        in_channels (int): Channels of the input.
        out_channels (int): Channels of the output.
        se_ratio (int): How many times fewer channels the weighting has inside, rounded
            to multiples of 8 by MMPretrain's ``SELayer``. Defaults to 16.
        **kwargs: As in MMPretrain's ``BasicBlock``.
    """

    def __init__(
        self, in_channels: int, out_channels: int, se_ratio: int = 16, **kwargs: Any
    ) -> None:
        super().__init__(in_channels, out_channels, **kwargs)
        self.se_layer = SELayer(out_channels, ratio=se_ratio)

    def forward(self, x: Tensor) -> Tensor:
        """Add the weighted residual to the input.

        Args:
            x (Tensor): Of shape (B, in_channels, H, W).

        Returns:
            Tensor: Of shape (B, out_channels, H / stride, W / stride).
        """
        if self.with_cp and x.requires_grad:
            return self.relu(checkpoint(self._sum, x, use_reentrant=False))
        return self.relu(self._sum(x))

    def _sum(self, x: Tensor) -> Tensor:
        residual = self.relu(self.norm1(self.conv1(x)))
        residual = self.se_layer(self.norm2(self.conv2(residual)))
        identity = x if self.downsample is None else self.downsample(x)
        return self.drop_path(residual) + identity


@MODELS.register_module()
class SEResNet_CIFAR(SEResNet, ResNet_CIFAR):
    """SE-ResNet with the stem of ``ResNet_CIFAR``, also with 18 and 34 layers.

    With 34 layers it is the SENet-34 of Table 1 of `DTSKD: Dual Teachers for
    Self-Knowledge Distillation`.

    Args:
        depth (int): 18 or 34, with basic blocks, or 50, 101 or 152, with bottlenecks.
        se_ratio (int): How many times fewer channels the weighting has inside. Defaults
            to 16.
        **kwargs: As in MMPretrain's ``SEResNet``. The output of the last stage has
            shape (B, 512, H / 8, W / 8), or (B, 2048, H / 8, W / 8) with bottlenecks.

    Raises:
        KeyError: If there is no network of this depth.
    """

    arch_settings = {
        18: (SEBasicBlock, (2, 2, 2, 2)),
        34: (SEBasicBlock, (3, 4, 6, 3)),
        **SEResNet.arch_settings,
    }
