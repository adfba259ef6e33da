# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from dynkd.models.methods.ekd import GuidedModule


def normalised(x, layer):
    """Batch normalisation by the statistics of the batch."""
    mean = x.mean((0, 2, 3), keepdim=True)
    spread = ((x - mean) ** 2).mean((0, 2, 3), keepdim=True)
    scaled = (x - mean) / torch.sqrt(spread + layer.eps)
    return scaled * layer.weight[:, None, None] + layer.bias[:, None, None]


def transcribed(module, stage):
    """The bottleneck: 1 x 1, 3 x 3 of stride 2, 1 x 1, beside a projection."""
    block = module.features.bottleneck
    x = F.conv2d(stage, block.conv1.conv.weight)
    x = normalised(x, block.conv1.bn).clamp(min=0)
    x = F.conv2d(x, block.conv2.conv.weight, stride=2, padding=1)
    x = normalised(x, block.conv2.bn).clamp(min=0)
    x = normalised(F.conv2d(x, block.conv3.conv.weight), block.conv3.bn)
    # A 1 x 1 convolution of stride 2 sees every other position.
    skipped = F.conv2d(stage[:, :, ::2, ::2], block.shortcut.conv.weight)
    x = (x + normalised(skipped, block.shortcut.bn)).clamp(min=0)
    vector = x.flatten(2).sum(2) / x[0, 0].numel()
    return vector, vector @ module.fc.weight.T + module.fc.bias


@pytest.mark.parametrize('side', [8, 7, 2])
def test_bottleneck(side):
    module = GuidedModule(6, 10, num_classes=5, out_channels=8).double()
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.weight)
            nn.init.normal_(layer.bias)
    stage = torch.randn(3, 6, side, side, dtype=torch.float64)
    passed, logits = module(stage, torch.zeros(3, 10, 1, 1))
    vector, expected = transcribed(module, stage)
    torch.testing.assert_close(logits, expected)
    torch.testing.assert_close(passed, vector[:, :, None, None])
    torch.testing.assert_close(module.eval().features(stage).shape, vector.shape)
    assert (vector >= 0).all()


def test_the_vector_is_as_wide_as_the_last_stage():
    assert GuidedModule(6, 12, num_classes=5).out_channels == 12
    assert GuidedModule(6, 12, num_classes=5).fc.in_features == 12
    assert GuidedModule(6, 12, num_classes=5, out_channels=8).fc.in_features == 8


def test_options():
    module = GuidedModule(
        6,
        8,
        num_classes=5,
        expansion=2,
        norm_cfg=dict(type='GN', num_groups=2),
        act_cfg=dict(type='GELU'),
    )
    kinds = [type(layer) for layer in module.modules()]
    assert kinds.count(nn.GroupNorm) == 4 and nn.BatchNorm2d not in kinds
    assert nn.GELU in kinds and nn.ReLU not in kinds
    assert module.features.bottleneck.conv2.conv.weight.shape == (4, 4, 3, 3)
    # Without batch statistics a batch of one 1 x 1 map is fine.
    assert module(torch.rand(1, 6, 1, 1), torch.rand(1, 8, 1, 1))[1].shape == (1, 5)


def test_no_normalisation():
    module = GuidedModule(6, 8, num_classes=5, norm_cfg=None)
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in module.modules())
    assert module.features.bottleneck.conv1.conv.bias is not None


def test_errors():
    with pytest.raises(ValueError, match='out_channels=10 must be a multiple of'):
        GuidedModule(6, 8, num_classes=5, out_channels=10)
    with pytest.raises(ValueError, match='expansion=0'):
        GuidedModule(6, 8, num_classes=5, expansion=0)
    module = GuidedModule(6, 8, num_classes=5)
    deeper = torch.rand(1, 8, 1, 1)
    with pytest.raises(ValueError, match='GuidedModule: batch normalisation.*at least'):
        module(torch.rand(1, 6, 2, 2), deeper)
    assert module(torch.rand(1, 6, 3, 3), deeper)[1].shape == (1, 5)
    assert module.eval()(torch.rand(1, 6, 2, 2), deeper)[1].shape == (1, 5)
