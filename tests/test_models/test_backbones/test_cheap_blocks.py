# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Cheap blocks against their definition, written out."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from dynkd.models.backbones import ResNet6nPlus2
from dynkd.models.backbones.cheap_blocks import (
    CheapBasicBlock,
    CheapBottleneck,
    CheapConv,
)


def norm(x: torch.Tensor, layer: nn.BatchNorm2d) -> torch.Tensor:
    """Normalisation over the batch, with the layer's scale and shift."""
    mean = x.mean((0, 2, 3), keepdim=True)
    variance = x.var((0, 2, 3), keepdim=True, unbiased=False)
    scaled = (x - mean) / (variance + layer.eps).sqrt()
    return scaled * layer.weight.view(1, -1, 1, 1) + layer.bias.view(1, -1, 1, 1)


def cheap(x: torch.Tensor, layers: CheapConv, groups: int, stride: int = 1):
    """Each group's 3x3 convolution by itself, then norm, ReLU and 1x1 convolution."""
    grouped, between, _, mixing = layers
    parts = zip(x.chunk(groups, 1), grouped.weight.chunk(groups), strict=True)
    out = torch.cat([F.conv2d(a, w, stride=stride, padding=1) for a, w in parts], 1)
    out = norm(out, between).clamp(min=0)
    return torch.einsum('bchw,oc->bohw', out, mixing.weight[:, :, 0, 0])


def shuffled_norms(block: nn.Module) -> nn.Module:
    """The block in float64, whose norm layers are no identities."""
    for module in block.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.1)
    return block.double().train()


@pytest.mark.parametrize('groups', [1, 4, 16])
def test_both_convolutions_of_a_basic_block_are_cheap(groups):
    block = shuffled_norms(CheapBasicBlock(16, 16, groups=groups))
    x = torch.randn(3, 16, 6, 6, dtype=torch.float64)
    out = norm(cheap(x, block.conv1, groups), block.norm1).clamp(min=0)
    out = norm(cheap(out, block.conv2, groups), block.norm2)
    torch.testing.assert_close(block(x), (x + out).clamp(min=0))


def test_the_first_block_of_a_stage_halves_the_resolution():
    shortcut = nn.Conv2d(16, 32, 1, stride=2, bias=False)
    block = CheapBasicBlock(16, 32, stride=2, downsample=shortcut, groups=4)
    block = shuffled_norms(block)
    x = torch.randn(2, 16, 6, 6, dtype=torch.float64)
    out = norm(cheap(x, block.conv1, 4, stride=2), block.norm1).clamp(min=0)
    out = norm(cheap(out, block.conv2, 4), block.norm2)
    torch.testing.assert_close(block(x), (shortcut(x) + out).clamp(min=0))


def test_the_inner_convolution_of_a_bottleneck_is_cheap():
    block = shuffled_norms(CheapBottleneck(64, 64, groups=4))
    x = torch.randn(3, 64, 5, 5, dtype=torch.float64)
    out = norm(F.conv2d(x, block.conv1.weight), block.norm1).clamp(min=0)
    out = norm(cheap(out, block.conv2, 4), block.norm2).clamp(min=0)
    out = norm(F.conv2d(out, block.conv3.weight), block.norm3)
    torch.testing.assert_close(block(x), (x + out).clamp(min=0))


@pytest.mark.parametrize(
    ('block', 'depth', 'kind'),
    [('basic', 26, CheapBasicBlock), ('bottleneck', 56, CheapBottleneck)],
)
def test_all_blocks_of_a_cheap_resnet_are_cheap(block, depth, kind):
    model = ResNet6nPlus2(depth, block=block, cheap_groups=4)
    layers = [model.layer1, model.layer2, model.layer3]
    blocks = [own for layer in layers for own in layer]
    assert {type(own) for own in blocks} == {kind}
    threes = [m for m in layers[1].modules() if getattr(m, 'kernel_size', 0) == (3, 3)]
    assert {conv.groups for conv in threes} == {4}
    assert model.conv1.groups == 1
    plain = ResNet6nPlus2(depth, block=block)
    sizes = [sum(p.numel() for p in m.parameters()) for m in (model, plain)]
    assert sizes[0] < 0.75 * sizes[1]


@pytest.mark.parametrize('groups', [0, 3, 32])
def test_groups_must_divide_the_channels(groups):
    with pytest.raises(ValueError, match=f'16 channels cannot have {groups} groups'):
        ResNet6nPlus2(26, cheap_groups=groups)
