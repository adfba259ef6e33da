# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import pytest
import torch

from dynkd.models.methods.baselines import MGDLoss


def convolved(x, layer) -> torch.Tensor:
    """A 3x3 convolution of one image, in loops."""
    channels, height, width = x.shape
    found = torch.zeros(len(layer.weight), height, width, dtype=x.dtype)
    for out in range(len(layer.weight)):
        for row in range(height):
            for column in range(width):
                total = layer.bias[out].item()
                for c in range(channels):
                    for i in (-1, 0, 1):
                        for j in (-1, 0, 1):
                            y, z = row + i, column + j
                            if 0 <= y < height and 0 <= z < width:
                                weight = layer.weight[out, c, i + 1, j + 1].item()
                                total += weight * x[c, y, z].item()
                found[out, row, column] = total
    return found


def one_level(loss: MGDLoss, block, mask, target, source) -> float:
    total = 0.0
    for own, other, kept in zip(target, source, mask.expand_as(target)):
        hidden = convolved(own * kept, block[0]).clamp(min=0)
        gap = other - convolved(hidden, block[2])
        total += sum(value**2 for value in gap.flatten().tolist())
    return total / len(target)


@pytest.mark.parametrize('mask', ['positions', 'channels'])
def test_is_the_equation(agrees, mask, features, monkeypatch):
    target, source = features(2, 3, 4, 3)
    loss = MGDLoss(3, 0.5, mask, loss_weight=2e-5).double()
    drawn = []
    draw = loss._draw

    def keep(feature):
        drawn.append(draw(feature))
        return drawn[-1]

    monkeypatch.setattr(loss, '_draw', keep)
    found = loss(target, source).item()
    (kept,) = drawn
    shape = (2, 1, 4, 3) if mask == 'positions' else (2, 3, 1, 1)
    assert kept.shape == shape
    assert set(kept.flatten().tolist()) == {0.0, 1.0}
    expected = 2e-5 * one_level(loss, loss.blocks[0], kept, target, source)
    agrees('MGDLoss', found, expected)


@pytest.mark.parametrize('ratio', [0.0, 0.15, 0.65])
def test_masks_that_share(ratio):
    mask = MGDLoss(2, ratio)._draw(torch.zeros(8, 2, 100, 100))
    assert 1 - mask.mean().item() == pytest.approx(ratio, abs=0.01)


def test_draws_follow_the_random_state(features):
    target, source = features(2, 3, 4, 3)
    loss = MGDLoss(3).double()
    values = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        values.append(loss(target, source).item())
    assert values[0] == values[1] != values[2]


def test_each_level_may_have_convolutions_of_its_own(features):
    pairs = [features(2, 3, size, size) for size in (3, 2)]
    loss = MGDLoss(3, 0.0, num_levels=2).double()
    ones = [torch.ones(2, 1, size, size).double() for size in (3, 2)]
    expected = sum(
        one_level(loss, block, mask, *pair)
        for block, mask, pair in zip(loss.blocks, ones, pairs)
    )
    assert loss(*zip(*pairs)).item() == pytest.approx(expected, rel=1e-12)


def test_gradcheck(features):
    pair = [side.requires_grad_() for side in features(1, 2, 2, 2)]
    loss = MGDLoss(2, 0.0).double()
    assert torch.autograd.gradcheck(loss, pair)


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(mask='rows'), "mask must be one of .* got 'rows'"),
        (dict(ratio=1.0), 'the target would be gone'),
        (dict(ratio=1.5), '`ratio` must lie in'),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        MGDLoss(4, **arguments)


@pytest.mark.parametrize(
    ('target', 'source', 'message'),
    [
        ((2, 3, 4, 4), (2, 4, 4, 4), 'ChannelAligner.*in_channels=3, out_channels=4'),
        ((2, 3, 4, 4), (2, 3, 4, 4), r'must be maps, \(B, 4, H, W\)'),
        ((2, 4), (2, 4), r'must be maps, \(B, 4, H, W\)'),
    ],
)
def test_shapes_that_do_not_fit(target, source, message):
    with pytest.raises(ValueError, match=message):
        MGDLoss(4)(torch.zeros(target), torch.zeros(source))
