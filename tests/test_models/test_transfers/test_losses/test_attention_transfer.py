# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dynkd.models.transfers.losses import ATLoss


def attention(image: list, power: float) -> list[float]:
    """Q / ||Q|| of one image, a list of channels, in loops."""
    rows = [[v for line in channel for v in line] for channel in image]
    found = [sum(abs(row[i]) ** power for row in rows) for i in range(len(rows[0]))]
    norm = math.sqrt(sum(value * value for value in found))
    return [value / norm for value in found]


@pytest.mark.parametrize('power', [1.0, 2.0, 3.0])
def test_is_equation_2(agrees, power, features):
    target, _ = features(3, 4, 2, 5)
    _, source = features(3, 6, 2, 5)
    total = 0.0
    for own, other in zip(target.tolist(), source.tolist()):
        pairs = zip(attention(own, power), attention(other, power))
        total += sum((a - b) ** 2 for a, b in pairs)
    found = ATLoss(power)(target, source).item()
    agrees('ATLoss', found, total / 3 / 10)


def test_tokens_are_positions(features):
    target, source = features(2, 4, 3, 3)
    tokens = [side.flatten(2).transpose(1, 2) for side in (target, source)]
    assert torch.allclose(ATLoss()(*tokens), ATLoss()(target, source))


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**31), st.floats(0.1, 9), st.floats(0.1, 9))
def test_scales_and_channels_do_not_matter(features, seed, scale, other):
    target, source = features(2, 4, 3, 2, seed=seed)
    loss = ATLoss()
    value = loss(target, source)
    assert value >= 0
    assert torch.allclose(loss(source, target), value)
    assert torch.allclose(loss(scale * target, other * source), value)
    assert torch.allclose(loss(target.flip(1), source.repeat(1, 2, 1, 1)), value)
    assert loss(target, -scale * target).item() == pytest.approx(0, abs=1e-12)


def test_gradcheck(features):
    pair = [side.requires_grad_() for side in features(2, 3, 2, 2)]
    assert torch.autograd.gradcheck(ATLoss(), pair)


@pytest.mark.parametrize(
    ('target', 'source', 'message'),
    [
        ((2, 4, 3, 3), (2, 4, 6, 6), 'same resolution and batch size'),
        ((2, 4, 3, 3), (3, 4, 3, 3), 'same resolution and batch size'),
        ((2, 4, 1, 1), (2, 4, 1, 1), 'have only one; choose taps before the pooling'),
        ((2, 4), (2, 4), 'have only one; choose taps before the pooling'),
    ],
)
def test_shapes_that_do_not_fit(target, source, message):
    with pytest.raises(ValueError, match=message):
        ATLoss()(torch.zeros(target), torch.zeros(source))


def test_a_power_below_1():
    with pytest.raises(ValueError, match='power must be 1 or more, got 0.5'):
        ATLoss(0.5)
