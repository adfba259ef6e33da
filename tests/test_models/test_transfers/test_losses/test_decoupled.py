# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mmpretrain.structures import DataSample

from dynkd.models.transfers.losses import DecoupledKDLoss, KLDLoss


def samples(*labels: int) -> list[DataSample]:
    return [DataSample().set_gt_label(label) for label in labels]


def decoupled(target: list, source: list, label: int, temperature: float) -> tuple:
    """TCKD and NCKD of one sample, in loops."""
    binary, others = [], []
    for logits in (target, source):
        powers = [math.exp(value / temperature) for value in logits]
        own = powers[label] / math.fsum(powers)
        binary.append((own, 1 - own))
        rest = [power for k, power in enumerate(powers) if k != label]
        others.append([power / math.fsum(rest) for power in rest])
    return tuple(
        math.fsum(p * math.log(p / q) for q, p in zip(*pair))
        for pair in (binary, others)
    )


@pytest.mark.parametrize('alpha, beta', [(1.0, 8.0), (0.5, 0.0), (0.0, 2.0)])
@pytest.mark.parametrize('temperature', [1.0, 4.0])
def test_is_equation_7(agrees, alpha, beta, temperature, features):
    target, source = features(4, 5)
    labels = [0, 4, 2, 2]
    total = 0.0
    for own, other, label in zip(target.tolist(), source.tolist(), labels):
        binary, others = decoupled(own, other, label, temperature)
        total += alpha * binary + beta * others
    loss = DecoupledKDLoss(alpha, beta, temperature)
    found = loss(target, source, samples(*labels)).item()
    agrees('DecoupledKDLoss', found, temperature**2 * total / 4)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**31), st.integers(0, 4), st.floats(-9, 9))
def test_the_divergence_is_decoupled(features, seed, label, shift):
    """Eq. 6: KL = TCKD + (1 - p_y of the source) NCKD."""
    target, source = features(1, 5, seed=seed)
    rest = 1 - source.softmax(1)[0, label].item()
    loss = DecoupledKDLoss(1.0, rest, temperature=1.0)
    value = loss(target, source, samples(label))
    assert value >= 0
    assert torch.allclose(value, KLDLoss()(target, source))
    shifted = loss(target + shift, source, samples(label))
    assert torch.allclose(shifted, value)
    assert loss(target, target, samples(label)).item() == pytest.approx(0, abs=1e-12)


def test_large_logits_stay_finite():
    target = torch.tensor([[1000.0, 0.0, -1000.0]], requires_grad=True)
    source = torch.tensor([[-1000.0, 0.0, 1000.0]])
    loss = DecoupledKDLoss(temperature=1.0)(target, source, samples(0))
    loss.backward()
    assert loss.isfinite() and target.grad.isfinite().all()


def test_gradcheck(features):
    pair = [side.requires_grad_() for side in features(3, 4)]
    loss = DecoupledKDLoss()
    assert torch.autograd.gradcheck(lambda t, s: loss(t, s, samples(0, 3, 1)), pair)


def test_nothing_to_compare():
    with pytest.raises(ValueError, match='alpha and beta are both 0'):
        DecoupledKDLoss(0.0, 0.0)


@pytest.mark.parametrize(
    ('target', 'source', 'given_samples', 'message'),
    [
        ((2, 5), (2, 7), samples(0, 1), 'target has shape'),
        ((2, 5, 3), (2, 5, 3), samples(0, 1), 'must be .B, K., of 2 classes or more'),
        ((2, 1), (2, 1), samples(0, 0), 'must be .B, K., of 2 classes or more'),
        ((2, 5), (2, 5), samples(0), r'1 data sample\(s\) for 2 predictions'),
        ((2, 5), (2, 5), samples(0, 5), r'label \[5\], but there are 5 classes'),
        ((2, 5), (2, 5), None, 'there are no data samples'),
        (
            (1, 5),
            (1, 5),
            [DataSample().set_gt_score(torch.full((5,), 0.2))],
            'a soft label, or several',
        ),
        ((1, 5), (1, 5), [DataSample().set_gt_label([0, 1])], 'a soft label, or'),
    ],
)
def test_what_does_not_fit(target, source, given_samples, message):
    with pytest.raises(ValueError, match=message):
        DecoupledKDLoss()(torch.zeros(target), torch.zeros(source), given_samples)
