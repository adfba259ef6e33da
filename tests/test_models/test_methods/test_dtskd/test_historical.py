# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from mmengine.structures import BaseDataElement

from dynkd.models.methods.dtskd import HistoricalLoss
from dynkd.models.schedules import Progress
from dynkd.registry import MODELS

EQ7 = dict(type='CosineSchedule', start=0.9, stop=0.0, begin=-1)
sizes = st.tuples(st.integers(1, 5), st.integers(2, 6))
shares = st.floats(0, 1)


def samples(labels):
    return [BaseDataElement(gt_label=torch.tensor([label])) for label in labels]


def scored(scores):
    return [BaseDataElement(gt_score=score) for score in scores]


def batch(size, seed=0, levels=1):
    """Logits, past probabilities and labels, in float64."""
    generator = torch.Generator().manual_seed(seed)
    kind = dict(generator=generator, dtype=torch.float64)
    logits = [3 * torch.randn(*size, **kind) for _ in range(levels)]
    past = [F.softmax(2 * torch.randn(*size, **kind), dim=1) for _ in range(levels)]
    labels = torch.randint(size[1], (size[0],), generator=generator).tolist()
    return logits, past, labels


def transcribed(logits, past, labels, beta, lambdas):
    """Eqs. 5 and 6, number by number, with the mean over the batch."""
    total = 0.0
    for own, before, factor in zip(logits, past, lambdas):
        for i, label in enumerate(labels):
            exps = [math.exp(x) for x in own[i].tolist()]
            for j, e in enumerate(exps):
                y = 1.0 if j == label else 0.0
                mixed = beta * y + (1 - beta) * before[i, j].item()
                if mixed > 0:
                    p = e / sum(exps)
                    total += factor * mixed * math.log(mixed / p) / len(labels)
    return total


@given(size=sizes, beta=shares, levels=st.integers(1, 4), seed=st.integers(0, 99))
def test_equations_5_and_6(agrees, size, beta, levels, seed):
    logits, past, labels = batch(size, seed, levels)
    lambdas = [3.0, 1.0, 0.5, 2.0][:levels]
    loss = HistoricalLoss(beta=beta, level_weights=lambdas, loss_weight=0.2)
    expected = 0.2 * transcribed(logits, past, labels, beta, lambdas)
    found = loss(logits, past, samples(labels)).item()
    agrees('HistoricalLoss', found, expected, least=1)


@given(size=sizes, seed=st.integers(0, 99))
def test_beta_of_1_is_cross_entropy_with_the_label(size, seed):
    (logits,), (past,), labels = batch(size, seed)
    found = HistoricalLoss(beta=1)(logits, past, samples(labels))
    torch.testing.assert_close(found, F.cross_entropy(logits, torch.tensor(labels)))


@given(size=sizes, beta=shares, seed=st.integers(0, 99))
def test_zero_with_a_zero_gradient_where_the_target_is_met(size, beta, seed):
    _, (past,), labels = batch(size, seed)
    # A label that agrees with the past keeps p' at the past, whatever beta.
    logits = past.log().requires_grad_()
    loss = HistoricalLoss(beta=beta)(logits, past, scored(past))
    loss.backward()
    assert abs(loss.item()) < 1e-6
    assert logits.grad.abs().max() < 1e-6
    moved = HistoricalLoss(beta=beta)(logits.detach() * 0.5, past, scored(past))
    assert moved > -1e-6


@given(size=sizes, beta=shares, seed=st.integers(0, 99), data=st.data())
def test_the_order_of_the_classes_does_not_matter(size, beta, seed, data):
    (logits,), (past,), labels = batch(size, seed)
    order = data.draw(st.permutations(range(size[1])))
    loss = HistoricalLoss(beta=beta)
    before = loss(logits, past, samples(labels))
    moved = [order.index(label) for label in labels]
    after = loss(logits[:, order], past[:, order], samples(moved))
    torch.testing.assert_close(after, before)


def test_gradient():
    logits, past, labels = batch((3, 4), levels=2)
    loss = HistoricalLoss(beta=0.3, level_weights=[3, 1])
    data_samples = samples(labels)
    leaves = [own.requires_grad_() for own in logits]
    assert torch.autograd.gradcheck(
        lambda *x: loss(list(x), past, data_samples), leaves
    )
    # The gradient of one level: probabilities minus the mixed target.
    loss(logits, past, data_samples).backward()
    y = F.one_hot(torch.tensor(labels), 4)
    for own, before, factor in zip(logits, past, [3, 1]):
        mixed = 0.3 * y + 0.7 * before
        expected = factor * (F.softmax(own, 1) - mixed) / 3
        torch.testing.assert_close(own.grad, expected.detach())


def test_soft_labels():
    (logits,), (past,), _ = batch((2, 3))
    score = torch.tensor([[0.25, 0.75, 0.0], [0.0, 0.5, 0.5]])
    found = HistoricalLoss(beta=0.4)(logits, past, scored(score))
    mixed = 0.4 * score + 0.6 * past
    expected = (mixed * (mixed.log() - F.log_softmax(logits, 1))).sum(1).mean()
    torch.testing.assert_close(found, expected)


def test_past_of_zero_probability_gives_finite_loss_and_gradient():
    logits = torch.zeros(1, 3, requires_grad=True)
    past = torch.tensor([[0.0, 1.0, 0.0]])
    loss = HistoricalLoss(beta=0.0)(logits, past, samples([0]))
    loss.backward()
    assert loss.item() == pytest.approx(math.log(3))
    assert logits.grad.isfinite().all()


def test_half_precision_is_computed_in_float32():
    (logits,), (past,), labels = batch((4, 5))
    loss = HistoricalLoss(beta=0.5)
    with torch.autocast('cpu', torch.bfloat16):
        found = loss(logits.bfloat16(), past.float(), samples(labels))
    assert found.dtype == torch.float32
    exact = loss(logits.bfloat16().double(), past, samples(labels))
    assert found.item() == pytest.approx(exact.item(), rel=1e-5)


def test_beta_follows_the_training(progress):
    (logits,), (past,), labels = batch((3, 4))
    loss = MODELS.build(dict(type='dynkd.HistoricalLoss', beta=EQ7))
    for t in (1, 2, 3, 4):
        progress(epoch=t - 1, iter=7 * t, max_epochs=4, max_iters=28)
        beta = 0.9 * 0.5 * (1 + math.cos(t / 4 * math.pi))
        expected = transcribed([logits], [past], labels, beta, [1])
        assert loss(logits, past, samples(labels)).item() == pytest.approx(expected)


def test_dry_run_before_the_length_of_the_training_is_known():
    (logits,), (past,), labels = batch((3, 4))
    loss = HistoricalLoss(beta=EQ7)
    found = loss(logits, past, samples(labels), progress=Progress.beginning()).item()
    assert found == pytest.approx(transcribed([logits], [past], labels, 0.9, [1]))
    with pytest.raises(RuntimeError, match='has no `end`'):
        loss(logits.requires_grad_(), past, samples(labels))


@pytest.mark.parametrize(
    ('beta', 'message'),
    [
        (1.5, r'beta must be a number in \[0, 1\].*got 1.5'),
        (-0.1, 'got -0.1'),
        (float('nan'), 'got nan'),
        ('0.5', "got '0.5'"),
        (dict(EQ7, start=1.2), r'beta \(`start` of CosineSchedule\).*got 1.2'),
        (dict(EQ7, stop=-0.5), r'`stop` of CosineSchedule.*got -0.5'),
        (dict(type='ConstantSchedule', value=2.0), 'got 2.0'),
        (
            dict(type='StepSchedule', values=[0.9, 0.5, -1], milestones=[3, 999]),
            r'`values` of StepSchedule.*got -1',
        ),
        (dict(type='ExponentialSchedule', start=2.0, gamma=0.1), 'got 2.0'),
        (dict(type='ExponentialSchedule', start=0.5, gamma=1.5), '`gamma`.*got 1.5'),
    ],
)
def test_beta_outside_0_and_1_is_refused_when_built(beta, message):
    with pytest.raises((TypeError, ValueError), match=message):
        HistoricalLoss(beta=beta)


@pytest.mark.parametrize('weights', [[3, 1, 1], [3], []])
def test_as_many_weights_as_levels(weights):
    logits, past, labels = batch((2, 3), levels=2)
    loss = HistoricalLoss(beta=0.5, level_weights=weights)
    message = rf'{len(weights)} level_weights for 2 level\(s\)'
    with pytest.raises(ValueError, match=message):
        loss(logits, past, samples(labels))


def test_errors():
    (logits,), (past,), labels = batch((2, 3))
    loss = HistoricalLoss(beta=0.5)
    with pytest.raises(ValueError, match=r'`level_weights\[\d\]` must not be negative'):
        HistoricalLoss(beta=0.5, level_weights=[1, -1])
    with pytest.raises(ValueError, match=r'target has 1 level\(s\) and the source 2'):
        loss(logits, [past, past], samples(labels))
    with pytest.raises(ValueError, match=r'source \(2, 2\).*all must be \(B, K\)'):
        loss(logits, past[:, :2], samples(labels))
    with pytest.raises(ValueError, match=r'labels \(1, 3\)'):
        loss(logits, past, samples(labels[:1]))
    with pytest.raises(ValueError, match='neither `gt_label` nor `gt_score`'):
        loss(logits, past, [BaseDataElement(), BaseDataElement()])
    with pytest.raises(ValueError, match='no data samples'):
        loss(logits, past)


@pytest.mark.parametrize('scale', [-4.0, 4.0])
def test_logits_are_no_probabilities(scale):
    (logits,), (past,), labels = batch((2, 3))
    with pytest.raises(ValueError, match='holds no probabilities.*history.student'):
        HistoricalLoss(beta=0.5)(logits, scale * past, samples(labels))
