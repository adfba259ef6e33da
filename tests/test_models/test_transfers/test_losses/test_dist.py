# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dynkd.models.transfers.losses import DISTLoss


def probabilities(rows: list, temperature: float) -> list[list[float]]:
    powers = [[math.exp(value / temperature) for value in row] for row in rows]
    return [[power / sum(row) for power in row] for row in powers]


def correlation(one: list[float], other: list[float]) -> float:
    means = [math.fsum(side) / len(side) for side in (one, other)]
    gaps = [[v - mean for v in side] for side, mean in zip((one, other), means)]
    norms = [math.sqrt(math.fsum(v * v for v in side)) for side in gaps]
    return math.fsum(a * b for a, b in zip(*gaps)) / norms[0] / norms[1]


@pytest.mark.parametrize('inter, intra', [(1.0, 1.0), (2.0, 0.0), (0.0, 3.0)])
@pytest.mark.parametrize('temperature', [1.0, 4.0])
def test_is_the_equation(agrees, inter, intra, temperature, features):
    sides = features(6, 5)
    tables = [probabilities(side.tolist(), temperature) for side in sides]
    rows = [1 - correlation(*pair) for pair in zip(*tables)]
    columns = [1 - correlation(*pair) for pair in zip(*(zip(*t) for t in tables))]
    expected = inter * sum(rows) / len(rows) + intra * sum(columns) / len(columns)
    found = DISTLoss(inter, intra, temperature)(*sides).item()
    agrees('DISTLoss', found, temperature**2 * expected)


def test_positions_are_samples(features):
    maps = features(2, 5, 3, 4)
    rows = [side.permute(0, 2, 3, 1).reshape(-1, 5) for side in maps]
    assert torch.allclose(DISTLoss()(*maps), DISTLoss()(*rows))


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**31), st.floats(-9, 9))
def test_symmetric_zero_at_equality_and_logits_may_be_shifted(features, seed, shift):
    target, source = features(6, 5, seed=seed)
    loss = DISTLoss()
    value = loss(target, source)
    assert 0 <= value <= 4
    assert torch.allclose(loss(source, target), value)
    assert torch.allclose(loss(target + shift, source), value)
    assert loss(target, target).item() == pytest.approx(0, abs=1e-12)


def test_gradcheck(features):
    pair = [side.requires_grad_() for side in features(4, 3)]
    assert torch.autograd.gradcheck(DISTLoss(), pair)


@pytest.mark.parametrize('scale', [10.0, 100.0, 1000.0])
def test_saturated_predictions_have_a_finite_gradient(scale, features):
    target, source = (scale * side.float() for side in features(6, 5))
    target.requires_grad_()
    loss = DISTLoss()(target, source)
    loss.backward()
    assert loss.isfinite() and target.grad.isfinite().all()
    assert target.grad.abs().max() < 1e3


def test_nothing_to_compare():
    with pytest.raises(ValueError, match='inter and intra are both 0'):
        DISTLoss(0.0, 0.0)


def test_other_classes():
    with pytest.raises(ValueError, match='target has shape .*the source'):
        DISTLoss()(torch.zeros(2, 5), torch.zeros(2, 7))


def test_one_class_is_refused():
    with pytest.raises(ValueError, match='need two classes or more'):
        DISTLoss()(torch.randn(4, 1), torch.randn(4, 1))
