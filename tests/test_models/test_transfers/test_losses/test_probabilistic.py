# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dynkd.models.transfers.losses import PKTLoss


def neighbourhoods(feature: torch.Tensor) -> list[list[float]]:
    """p(j | i) of all j but i, in loops."""
    rows, found = feature.flatten(1).tolist(), []
    norms = [math.sqrt(math.fsum(v * v for v in row)) for row in rows]
    for i, x in enumerate(rows):
        kernel = []
        for j, y in enumerate(rows):
            if j != i:
                dot = math.fsum(a * b for a, b in zip(x, y))
                kernel.append((dot / norms[i] / norms[j] + 1) / 2)
        found.append([value / math.fsum(kernel) for value in kernel])
    return found


def test_is_the_equation(agrees, features):
    target, source = features(5, 4, 3, 2)[0], features(5, 7)[1]
    total = 0.0
    for own, other in zip(neighbourhoods(target), neighbourhoods(source)):
        total += sum(p * math.log(p / q) for q, p in zip(own, other))
    # A similarity has 1e-7 added, so that opposite features have a logarithm.
    agrees('PKTLoss', PKTLoss()(target, source).item(), total / 5)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**31), st.floats(0.1, 9))
def test_never_negative_and_scales_and_rotations_do_not_matter(features, seed, scale):
    target, source = features(5, 6, seed=seed)
    loss = PKTLoss()
    value = loss(target, source)
    assert value >= 0
    rotation = torch.linalg.qr(features(6, 6, seed=seed)[0])[0]
    turned = scale * target @ rotation
    assert torch.allclose(loss(turned, source), value)
    assert loss(turned, target).item() == pytest.approx(0, abs=1e-12)


def test_opposite_features_have_a_finite_loss_and_gradient():
    target = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]], requires_grad=True)
    loss = PKTLoss()(target, torch.tensor([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]]))
    loss.backward()
    assert loss.isfinite() and loss > 0 and target.grad.isfinite().all()


def test_one_sample_has_no_neighbours(features):
    target, source = features(1, 4)
    target.requires_grad_()
    loss = PKTLoss()(target, source)
    loss.backward()
    assert loss == 0 and not target.grad.any()


def test_gradcheck(features):
    pair = [side.requires_grad_() for side in features(4, 3)]
    assert torch.autograd.gradcheck(PKTLoss(), pair)


def test_other_batch_size():
    with pytest.raises(ValueError, match='same batch size'):
        PKTLoss()(torch.zeros(2, 4), torch.zeros(3, 4))
