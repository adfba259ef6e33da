# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dynkd.models.transfers.losses import FeatureLoss


def pairs(target, source):
    return list(zip(target.flatten().tolist(), source.flatten().tolist(), strict=True))


def test_mse_and_l1_in_loops(agrees):
    target, source = torch.randn(2, 2, 3, 4, 5).double()
    gaps = [t - s for t, s in pairs(target, source)]
    mse = sum(gap**2 for gap in gaps) / len(gaps)
    l1 = sum(abs(gap) for gap in gaps) / len(gaps)
    agrees('FeatureLoss', FeatureLoss()(target, source).item(), mse)
    agrees('FeatureLoss', FeatureLoss('l1')(target, source).item(), l1)


@pytest.mark.parametrize(
    ('shape', 'channel_dim', 'found'),
    [
        ((2, 6), None, 1),
        ((2, 4, 6), None, 2),
        ((2, 6, 4), 1, 1),
        ((2, 6, 2, 3), None, 1),
        ((2, 6, 2, 2, 2), None, 1),
    ],
)
def test_cosine_in_loops(agrees, shape, channel_dim, found):
    target, source = torch.randn(2, *shape).double()
    rows = [side.movedim(found, -1).reshape(-1, 6) for side in (target, source)]
    cosines = [
        sum(a * b for a, b in pairs(t, s))
        / math.sqrt(sum(a * a for a in t.tolist()) * sum(b * b for b in s.tolist()))
        for t, s in zip(*rows, strict=True)
    ]
    found = FeatureLoss('cosine', channel_dim)(target, source).item()
    agrees('FeatureLoss', found, 1 - sum(cosines) / len(cosines))


@pytest.mark.parametrize('kind', ['mse', 'l1', 'cosine'])
def test_gradcheck(kind):
    target, source = (
        torch.randn(2, 3, 2, dtype=torch.float64, requires_grad=True) for _ in 'ab'
    )
    assert torch.autograd.gradcheck(FeatureLoss(kind), (target, source))


@settings(deadline=None, max_examples=25)
@given(
    st.integers(0, 2**31), st.sampled_from(['mse', 'l1', 'cosine']), st.floats(0.1, 9)
)
def test_symmetric_zero_at_equality_and_scaling(seed, kind, factor):
    generator = torch.Generator().manual_seed(seed)
    x, y = torch.randn(2, 2, 3, 4, generator=generator).double()
    loss = FeatureLoss(kind)
    value = loss(x, y)
    assert value > 0
    assert torch.allclose(loss(y, x), value)
    assert loss(x, x).item() == pytest.approx(0, abs=1e-12)
    power = {'mse': 2, 'l1': 1, 'cosine': 0}[kind]
    assert torch.allclose(loss(factor * x, factor * y), factor**power * value)


def test_unknown_kind():
    with pytest.raises(ValueError, match=r"kind must be one of .* got 'huber'"):
        FeatureLoss('huber')


@pytest.mark.parametrize('kind', ['mse', 'l1', 'cosine'])
@pytest.mark.parametrize(
    ('target', 'source', 'message'),
    [
        ((2, 4, 3, 3), (2, 6, 3, 3), 'ChannelAligner.*in_channels=4, out_channels=6'),
        ((2, 4, 3, 3), (2, 4, 6, 6), 'choose taps of the same resolution'),
        ((2, 4), (2, 4, 3, 3), 'choose taps of the same resolution'),
    ],
)
def test_shapes_that_differ(kind, target, source, message):
    with pytest.raises(ValueError, match=message) as error:
        FeatureLoss(kind)(torch.zeros(target), torch.zeros(source))
    assert str(target) in str(error.value) and str(source) in str(error.value)
