# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dynkd.models.transfers.losses import CWDLoss


def distribution(row: list[float], temperature: float) -> list[float]:
    powers = [math.exp(value / temperature) for value in row]
    return [power / sum(powers) for power in powers]


@pytest.mark.parametrize('temperature', [1.0, 4.0])
@pytest.mark.parametrize('shape', [(2, 3, 2, 4), (2, 3, 2, 2, 2)])
def test_is_the_equation(agrees, shape, temperature, features):
    target, source = features(*shape)
    total, rows = 0.0, list(zip(target.flatten(0, 1), source.flatten(0, 1)))
    for own, other in rows:
        phi_t, phi_s = (
            distribution(side.flatten().tolist(), temperature) for side in (own, other)
        )
        total += sum(s * math.log(s / t) for t, s in zip(phi_t, phi_s))
    found = CWDLoss(temperature)(target, source).item()
    agrees('CWDLoss', found, temperature**2 * total / len(rows))


def test_tokens_are_positions(features):
    target, source = features(2, 4, 3, 3)
    tokens = [side.flatten(2).transpose(1, 2) for side in (target, source)]
    assert torch.allclose(CWDLoss()(*tokens), CWDLoss()(target, source))


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**31), st.floats(-9, 9))
def test_never_negative_and_each_channel_may_be_shifted(features, seed, shift):
    target, source = features(2, 4, 3, 2, seed=seed)
    loss = CWDLoss()
    value = loss(target, source)
    assert value >= 0
    shifts = shift * torch.arange(4.0).double()[:, None, None]
    assert torch.allclose(loss(target + shifts, source - shift), value)
    assert loss(target + shifts, target).item() == pytest.approx(0, abs=1e-12)


def test_gradcheck(features):
    pair = [side.requires_grad_() for side in features(2, 3, 2, 2)]
    assert torch.autograd.gradcheck(CWDLoss(), pair)


@pytest.mark.parametrize(
    ('target', 'source', 'message'),
    [
        ((2, 4, 3, 3), (2, 6, 3, 3), 'ChannelAligner.*in_channels=4, out_channels=6'),
        ((2, 4, 3, 3), (2, 4, 6, 6), 'choose taps of the same resolution'),
        ((2, 4), (2, 4), 'have only one; choose taps before the pooling'),
    ],
)
def test_shapes_that_do_not_fit(target, source, message):
    with pytest.raises(ValueError, match=message):
        CWDLoss()(torch.zeros(target), torch.zeros(source))
