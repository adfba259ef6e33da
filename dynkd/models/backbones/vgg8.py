# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The shallowest VGG."""

from typing import Any

from mmpretrain.models.backbones import VGG

from dynkd.registry import MODELS


@MODELS.register_module()
class VGG8(VGG):
    """VGG with one convolution in each of its five stages.

    The small VGG of CIFAR zoos, first used by `Contrastive Representation Distillation
    <https://arxiv.org/abs/1910.10699>`_: 64, 128, 256, 512 and 512 channels. Of its 8
    layers three are the fully connected ones of the original VGG, which are replaced by
    one linear head for images of 32x32.

    Args:
        **kwargs: As in MMPretrain's ``VGG``, its ``depth`` apart. ``norm_cfg`` is None
            by default; ``dict(type='BN')`` is VGG-8 (bn). The output has shape (B, 512,
            H / 32, W / 32), or / 16 with ``with_last_pool=False``.

    Example:
        >>> import torch
        >>> from dynkd.models.backbones import VGG8
        >>> (feature,) = VGG8(norm_cfg=dict(type='BN'))(torch.rand(1, 3, 32, 32))
        >>> feature.shape
        torch.Size([1, 512, 1, 1])
    """

    arch_settings = {8: (1, 1, 1, 1, 1)}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(depth=8, **kwargs)
