# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dynkd.models.transfers.losses import SPLoss


def similarities(feature: torch.Tensor) -> list[list[float]]:
    rows = feature.flatten(1).tolist()
    table = [[math.fsum(a * b for a, b in zip(x, y)) for y in rows] for x in rows]
    norms = [math.sqrt(math.fsum(v * v for v in row)) for row in table]
    return [[v / norm for v in row] for row, norm in zip(table, norms)]


def test_is_the_equation(agrees, features):
    target, source = features(5, 4, 3, 2)[0], features(5, 7)[1]
    tables = zip(similarities(target), similarities(source))
    total = sum((a - b) ** 2 for own, other in tables for a, b in zip(own, other))
    agrees('SPLoss', SPLoss()(target, source).item(), total / 25)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**31), st.floats(0.1, 9))
def test_scales_and_rotations_do_not_matter(features, seed, scale):
    target, source = features(5, 4, 3, seed=seed)
    loss = SPLoss()
    value = loss(target, source)
    assert value >= 0
    assert torch.allclose(loss(source, target), value)
    rotation = torch.linalg.qr(features(12, 12, seed=seed)[0])[0]
    turned = scale * (target.flatten(1) @ rotation)
    assert torch.allclose(loss(turned, source), value)
    assert loss(turned, target).item() == pytest.approx(0, abs=1e-12)


def test_gradcheck(features):
    pair = [side.requires_grad_() for side in features(3, 4)]
    assert torch.autograd.gradcheck(SPLoss(), pair)


def test_other_batch_size():
    with pytest.raises(ValueError, match='same batch size'):
        SPLoss()(torch.zeros(2, 4), torch.zeros(3, 4))
