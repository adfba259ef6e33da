# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import math

import pytest
import torch

from dynkd.models.methods.baselines import VIDLoss


def matrix(weight: torch.Tensor, x: list[float]) -> list[float]:
    rows = weight.squeeze(-1).tolist()
    return [math.fsum(w * v for w, v in zip(row, x)) for row in rows]


def one_level(block, target, source) -> float:
    """The equation, value by value."""
    layers = [layer.weight for layer in block.mean if hasattr(layer, 'weight')]
    deviations = [
        math.log1p(math.exp(a)) + 1e-5 for a in block.scale.flatten().tolist()
    ]
    own, other = (side.reshape(*side.shape[:2], -1).mT for side in (target, source))
    total, count = 0.0, 0
    for x, y in zip(own.flatten(0, 1).tolist(), other.flatten(0, 1).tolist()):
        for layer in layers[:-1]:
            x = [max(value, 0.0) for value in matrix(layer, x)]
        for mean, value, variance in zip(matrix(layers[-1], x), y, deviations):
            total += (math.log(variance) + (value - mean) ** 2 / variance) / 2
            count += 1
    return total / count


def randomised(loss: VIDLoss) -> VIDLoss:
    """Other variances than at the beginning, which are all the same."""
    for block in loss.double().blocks:
        block.scale.data.normal_()
    return loss


@pytest.mark.parametrize('shape', [(3,), (3, 2, 5)])
def test_is_the_equation(agrees, shape, features):
    target = features(2, 4, *shape[1:])[0]
    source = features(2, 6, *shape[1:])[1]
    loss = randomised(VIDLoss(4, 6, loss_weight=0.5))
    expected = 0.5 * one_level(loss.blocks[0], target, source)
    agrees('VIDLoss', loss(target, source).item(), expected)


def test_each_level_may_have_a_regressor_of_its_own(features):
    pairs = [features(2, 4, size, size) for size in (3, 2)]
    loss = randomised(VIDLoss(4, 4, num_levels=2))
    expected = sum(one_level(b, *pair) for b, pair in zip(loss.blocks, pairs))
    assert loss(*zip(*pairs)).item() == pytest.approx(expected, rel=1e-12)
    shared = randomised(VIDLoss(4, 4))
    expected = sum(one_level(shared.blocks[0], *pair) for pair in pairs)
    assert shared(*zip(*pairs)).item() == pytest.approx(expected, rel=1e-12)


def test_begins_with_the_variance():
    assert torch.allclose(
        VIDLoss(4, 6, variance=5.0).blocks[0].variance.mean(), 5.0 * torch.ones(())
    )


def test_learns_the_source_and_the_variance(features):
    torch.manual_seed(0)
    target, source = (side.float() for side in features(8, 4))
    loss = VIDLoss(4, 4)
    before = loss(target, source).item()
    optimizer = torch.optim.Adam(loss.parameters(), lr=0.05)
    for _ in range(100):
        optimizer.zero_grad()
        value = loss(target, source)
        value.backward()
        optimizer.step()
    assert value < before - 1
    assert (loss.blocks[0].variance < 1).all()


def test_gradcheck(features):
    loss = randomised(VIDLoss(3, 2))
    target, source = features(2, 3, 2)[0], features(2, 2, 2)[1]
    pair = [target.requires_grad_(), source.requires_grad_()]
    assert torch.autograd.gradcheck(loss, pair)


@pytest.mark.parametrize(
    ('target', 'source'),
    [((2, 4, 3), (2, 5, 3)), ((2, 5, 3), (2, 6, 3)), ((2, 4, 3), (2, 6, 4))],
)
def test_shapes_that_do_not_fit(target, source):
    with pytest.raises(ValueError, match='resolution, and 4 and 6 channels'):
        VIDLoss(4, 6)(torch.zeros(target), torch.zeros(source))


def test_other_levels():
    level = torch.zeros(2, 4, 3)
    with pytest.raises(ValueError, match=r'3 level\(s\), but num_levels=2'):
        VIDLoss(4, 4, num_levels=2)([level] * 3, [level] * 3)


def test_a_variance_that_is_too_small():
    with pytest.raises(ValueError, match='variance must be greater than 1e-05'):
        VIDLoss(4, 4, variance=1e-6)


@pytest.mark.parametrize('variance', [0.01, 5.0, 1000.0])
def test_any_variance_to_begin_with(variance):
    loss = VIDLoss(4, 4, variance=variance)
    found = [m.variance for m in loss.modules() if hasattr(m, 'variance')]
    assert found and torch.allclose(found[0], torch.full((4, 1), variance))
