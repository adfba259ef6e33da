# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import math

import pytest
import torch
from torch import nn

from dynkd.models.methods.dtskd import MixedFusionModule
from dynkd.models.streams.branches import StageBranches, probe_stages, record_stages
from dynkd.registry import MODELS

FUSIONS = ['mixed', 'add', 'concat', 'none']


def linear(rows, conv):
    """A 1 x 1 convolution of vectors, number by number."""
    weight = conv.weight.flatten(1).tolist()
    bias = [0.0] * len(weight) if conv.bias is None else conv.bias.tolist()
    return [
        [b + sum(w * x for w, x in zip(own, row)) for own, b in zip(weight, bias)]
        for row in rows
    ]


def block(rows, module):
    """A 1 x 1 convolution block: convolution, batch normalisation, ReLU."""
    rows = linear(rows, module.conv)
    columns = []
    for column, w, b in zip(zip(*rows), module.bn.weight, module.bn.bias):
        mean = sum(column) / len(column)
        spread = sum((x - mean) ** 2 for x in column) / len(column)
        scale = w.item() / math.sqrt(spread + module.bn.eps)
        columns.append([max(0.0, scale * (x - mean) + b.item()) for x in column])
    return [list(row) for row in zip(*columns)]


def transcribed(module, stage, deeper, fusion):
    """Eq. 8, or the variants of Tables 7 and 8."""
    batch, _, height, width = stage.shape
    positions = stage.permute(0, 2, 3, 1).flatten(0, 2).tolist()
    if fusion == 'none' or len(module.lateral) == 3:
        positions = block(positions, module.lateral[0])
    maps = torch.tensor(positions, dtype=torch.float64)
    pooled = maps.view(batch, height * width, -1).sum(1).div(height * width).tolist()
    if fusion == 'none':
        return pooled
    f_t = block(pooled, module.lateral[-1])
    f_s = block(deeper.flatten(1).tolist(), module.top_down[0])
    added = [[t + s for t, s in zip(*pair)] for pair in zip(f_t, f_s)]
    if fusion == 'add':
        return added
    left = added if fusion == 'mixed' else f_t
    joined = [own + semantic for own, semantic in zip(left, f_s)]
    if hasattr(module.merge[0], 'bn'):
        return block(joined, module.merge[0])
    return linear(joined, module.merge[0].conv)


@pytest.mark.parametrize(
    ('fusion', 'merge_block', 'before'),
    [
        *((fusion, False, False) for fusion in FUSIONS),
        ('mixed', True, False),
        ('concat', True, False),
        ('mixed', False, True),
        ('mixed', True, True),
        ('add', False, True),
    ],
)
def test_equation_8_and_its_variants(fusion, merge_block, before):
    options = dict(merge_block=merge_block, block_before_pool=before)
    module = MixedFusionModule(3, 4, num_classes=5, fusion=fusion, **options).double()
    if fusion in ('mixed', 'concat'):
        assert module.merge[0].with_norm == module.merge[0].with_activation
        assert module.merge[0].with_norm == merge_block
        assert (module.merge[0].conv.bias is None) == merge_block
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.weight)
            nn.init.normal_(layer.bias)
    stage = torch.randn(3, 3, 4, 2, dtype=torch.float64)
    deeper = torch.randn(3, 4, 1, 1, dtype=torch.float64)
    fused, logits = module(stage, deeper)
    rows = transcribed(module, stage, deeper, fusion)
    expected = torch.tensor(rows, dtype=torch.float64)
    assert fused.shape == (3, 4, 1, 1)
    torch.testing.assert_close(fused.flatten(1), expected)
    torch.testing.assert_close(logits, expected @ module.fc.weight.T + module.fc.bias)


@pytest.mark.parametrize('fusion', FUSIONS)
def test_what_comes_from_deeper_stages(fusion):
    branches = StageBranches(
        dict(type='MixedFusionModule', fusion=fusion), [2, 3, 4, 6], num_classes=5
    )
    assert [branch.out_channels for branch in branches] == [6, 6, 6]
    names = {name.partition('.')[2].partition('.')[0] for name in branches.state_dict()}
    parts = {'mixed': {'top_down', 'merge'}, 'concat': {'top_down', 'merge'}}
    expected = {'lateral', 'fc'} | parts.get(
        fusion, {'top_down'} if fusion == 'add' else set()
    )
    assert names == expected
    channels = [(2, 8), (3, 4), (4, 2), (6, 1)]
    stages = [torch.rand(2, c, s, s, requires_grad=True) for c, s in channels]
    branches(stages)[0].sum().backward()
    reached = [stage.grad is not None for stage in stages]
    assert reached == [True] + [fusion != 'none'] * 3


def macs(model, run):
    """Multiplications of convolutions and linear layers while something runs."""
    counted = []

    def count(layer, args, output):
        positions = output[0, 0].numel() if output.dim() == 4 else 1
        counted.append(layer.weight.numel() * positions)

    layers = [m for m in model.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    handles = [layer.register_forward_hook(count) for layer in layers]
    result = run()
    for handle in handles:
        handle.remove()
    return sum(counted), result


@pytest.mark.parametrize(('kind', 'side'), [('ResNet_CIFAR', 32), ('ResNet', 224)])
def test_all_branches_cost_less_than_2_percent_of_a_resnet18(kind, side):
    model = nn.Module()
    model.backbone = MODELS.build(dict(type=f'mmpretrain.{kind}', depth=18))
    names, channels = probe_stages(model, (3, side, side))
    model.backbone.eval()
    image = torch.rand(1, 3, side, side)
    with torch.no_grad(), record_stages(model, names) as stages:
        whole, _ = macs(model.backbone, lambda: model.backbone(image))
    assert whole > 5e8
    for fusion in ('mixed', 'add', 'concat'):
        cfg = dict(type='MixedFusionModule', fusion=fusion)
        branches = StageBranches(cfg, channels, num_classes=100).eval()
        cost, logits = macs(branches, lambda b=branches: b(stages))
        assert len(logits) == 3
        assert 0 < cost < 0.02 * whole


def test_options():
    norm = dict(type='GN', num_groups=2)
    module = MixedFusionModule(3, 4, 5, norm_cfg=norm, act_cfg=dict(type='GELU'))
    kinds = [type(layer) for layer in module.modules()]
    assert kinds.count(nn.GroupNorm) == 2 and nn.BatchNorm2d not in kinds
    assert kinds.count(nn.GELU) == 2 and nn.ReLU not in kinds
    _, logits = module(torch.rand(1, 3, 2, 2), torch.rand(1, 4, 1, 1))
    assert logits.shape == (1, 5)


def test_errors():
    with pytest.raises(ValueError, match="fusion must be one of.*got 'mul'"):
        MixedFusionModule(3, 4, 5, fusion='mul')
    stage, deeper = torch.rand(1, 3, 4, 4), torch.rand(1, 4, 1, 1)
    module = MixedFusionModule(3, 4, 5)
    with pytest.raises(ValueError, match='MixedFusionModule: batch norm.*at least two'):
        module(stage, deeper)
    assert module.eval()(stage, deeper)[1].shape == (1, 5)
    whole = MixedFusionModule(3, 4, 5, fusion='none')
    assert whole(stage, deeper)[1].shape == (1, 5)
    with pytest.raises(ValueError, match='batch normalisation'):
        whole(stage[..., :1, :1], deeper)


@pytest.mark.parametrize(('before', 'millions'), [(False, 10.6), (True, 13.7)])
def test_sizes_of_shufflenetv2s_branches(before, millions):
    """Ours, and those of the released code."""
    module = dict(type='MixedFusionModule', block_before_pool=before)
    branches = StageBranches(module, channels=[116, 232, 464, 1024], num_classes=100)
    found = sum(parameter.numel() for parameter in branches.parameters())
    assert found / 1e6 == pytest.approx(millions, abs=0.06)


def test_without_fusion_the_block_is_before_the_pooling_already():
    with pytest.raises(ValueError, match='leave block_before_pool out'):
        MixedFusionModule(3, 4, 5, fusion='none', block_before_pool=True)
