# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dynkd.models.transfers.losses import RKDLoss


def huber(a: float, b: float) -> float:
    gap = abs(a - b)
    return gap - 0.5 if gap > 1 else gap * gap / 2


def gap(x: list[float], y: list[float]) -> list[float]:
    return [a - b for a, b in zip(x, y)]


def norm(x: list[float]) -> float:
    return math.sqrt(math.fsum(v * v for v in x))


def distances(rows: list) -> list[float]:
    """psi_D of all pairs, in loops."""
    found = [norm(gap(x, y)) for x in rows for y in rows]
    apart = [d for d in found if d > 0]
    return [d * len(apart) / math.fsum(apart) for d in found]


def angles(rows: list) -> list[float]:
    """psi_A of all triples with x_j in the middle, in loops."""
    found = []
    for middle in rows:
        for x in rows:
            for y in rows:
                one, other = gap(x, middle), gap(y, middle)
                scale = norm(one) * norm(other)
                dot = math.fsum(a * b for a, b in zip(one, other))
                found.append(dot / scale if scale else 0.0)
    return found


@pytest.mark.parametrize('distance, angle', [(25.0, 50.0), (1.0, 0.0), (0.0, 1.0)])
def test_is_the_equation(agrees, distance, angle, features):
    target, source = features(5, 4, 3, 2)[0], 3 * features(5, 7)[1]
    rows = [side.flatten(1).tolist() for side in (target, source)]
    expected = 0.0
    for weight, relation in ((distance, distances), (angle, angles)):
        pairs = list(zip(*map(relation, rows)))
        expected += weight * sum(huber(*pair) for pair in pairs) / len(pairs)
    found = RKDLoss(distance, angle)(target, source).item()
    agrees('RKDLoss', found, expected)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**31), st.floats(0.1, 9), st.floats(-9, 9))
def test_scale_offset_and_rotation_do_not_matter(features, seed, scale, shift):
    target, source = features(5, 6, seed=seed)
    loss = RKDLoss()
    value = loss(target, source)
    assert value >= 0
    assert torch.allclose(loss(source, target), value)
    rotation = torch.linalg.qr(features(6, 6, seed=seed)[0])[0]
    moved = scale * target @ rotation + shift
    assert torch.allclose(loss(moved, source), value)
    assert loss(moved, target).item() == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize('distance, angle', [(1.0, 0.0), (0.0, 1.0)])
def test_gradcheck(distance, angle, features):
    pair = [side.requires_grad_() for side in features(4, 3)]
    assert torch.autograd.gradcheck(RKDLoss(distance, angle), pair)


@pytest.mark.parametrize('size', [1, 3])
def test_equal_samples_have_no_distance_and_a_finite_gradient(size):
    target = torch.ones(size, 4, requires_grad=True)
    loss = RKDLoss()(target, torch.ones(size, 4))
    loss.backward()
    assert loss == 0 and target.grad.isfinite().all()


def test_nothing_to_compare():
    with pytest.raises(ValueError, match='distance and angle are both 0'):
        RKDLoss(0.0, 0.0)


def test_other_batch_size():
    with pytest.raises(ValueError, match='same batch size'):
        RKDLoss()(torch.zeros(2, 4), torch.zeros(3, 4))
