# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dynkd.models.transfers.losses import PKDLoss


def standardised(values: list[float]) -> list[float]:
    mean = math.fsum(values) / len(values)
    deviation = math.sqrt(math.fsum((v - mean) ** 2 for v in values) / len(values))
    return [(value - mean) / deviation for value in values]


@pytest.mark.parametrize('shape', [(3, 4, 2, 5), (6, 4), (2, 4, 2, 2, 2)])
def test_is_the_equation(agrees, shape, features):
    target, source = features(*shape)
    total = 0.0
    for channel in range(4):
        own, other = (
            standardised(side[:, channel].flatten().tolist())
            for side in (target, source)
        )
        total += sum((a - b) ** 2 for a, b in zip(own, other)) / 2 / len(own)
    found = PKDLoss()(target, source).item()
    agrees('PKDLoss', found, total / 4)


def test_tokens_are_positions(features):
    target, source = features(2, 4, 3, 3)
    tokens = [side.flatten(2).transpose(1, 2) for side in (target, source)]
    assert torch.allclose(PKDLoss()(*tokens), PKDLoss()(target, source))


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**31), st.floats(0.1, 9), st.floats(-9, 9))
def test_scale_and_offset_of_each_channel_do_not_matter(features, seed, scale, shift):
    target, source = features(2, 4, 3, 2, seed=seed)
    loss = PKDLoss()
    value = loss(target, source)
    assert 0 <= value <= 2
    assert torch.allclose(loss(source, target), value)
    channels = torch.arange(1.0, 5.0).double()[:, None, None]
    other = scale * channels * target + shift * channels
    assert torch.allclose(loss(other, source), value)
    assert loss(other, target).item() == pytest.approx(0, abs=1e-9)
    assert loss(-other, target).item() == pytest.approx(2)


def test_a_dead_channel_gives_finite_gradients(features):
    target, source = (side.float() for side in features(2, 4, 3, 3))
    target[:, 0] = 0
    target.requires_grad_()
    PKDLoss()(target, source).backward()
    assert target.grad.isfinite().all() and target.grad.abs().max() < 1


def test_gradcheck(features):
    pair = [side.requires_grad_() for side in features(2, 3, 2, 2)]
    assert torch.autograd.gradcheck(PKDLoss(), pair)


@pytest.mark.parametrize(
    ('source', 'message'),
    [
        ((2, 6, 3, 3), 'ChannelAligner.*in_channels=4, out_channels=6'),
        ((2, 4, 6, 6), 'choose taps of the same resolution'),
    ],
)
def test_shapes_that_do_not_fit(source, message):
    with pytest.raises(ValueError, match=message):
        PKDLoss()(torch.zeros(2, 4, 3, 3), torch.zeros(source))
