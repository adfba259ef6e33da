# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mmpretrain.structures import DataSample

from dynkd.models.transfers.connectors import Ensemble
from dynkd.models.transfers.losses import KLDLoss
from dynkd.registry import MODELS

LABELS = [0, 3, 2, 2]


def logits(count: int = 3, seed: int = 0) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return list(2 * torch.randn(count, 4, 5, generator=generator).double())


def samples() -> list[DataSample]:
    return [DataSample().set_gt_label(label) for label in LABELS]


def softmax(row: list[float], temperature: float = 1.0) -> list[float]:
    powers = [math.exp(value / temperature) for value in row]
    return [power / math.fsum(powers) for power in powers]


def test_is_the_mean_of_the_values():
    sources = logits()
    expected = (sources[0] + sources[1] + sources[2]) / 3
    assert torch.allclose(Ensemble()(sources), expected)
    weighted = (sources[0] + 3 * sources[1]) / 4
    assert torch.allclose(Ensemble([1.0, 3.0, 0.0])(sources), weighted)


@pytest.mark.parametrize('temperature', [1.0, 4.0])
def test_is_the_mean_of_the_probabilities(temperature):
    sources, weights = logits(), [0.5, 0.3, 0.2]
    found = Ensemble(weights, temperature)(sources)
    for sample in range(4):
        rows = [softmax(source[sample].tolist(), temperature) for source in sources]
        mean = [sum(w * p for w, p in zip(weights, ps)) for ps in zip(*rows)]
        assert softmax(found[sample].tolist(), temperature) == pytest.approx(mean)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**31), st.floats(0, 1), st.sampled_from([1.0, 4.0]))
def test_has_the_gradient_of_the_weighted_sum_of_divergences(seed, share, temperature):
    *sources, target = logits(3, seed)
    weights = [share, 1 - share]
    loss = KLDLoss(temperature)
    target.requires_grad_()
    apart = sum(w * loss(target, source) for w, source in zip(weights, sources))
    (expected,) = torch.autograd.grad(apart, target)
    mean = Ensemble(weights, temperature)(sources)
    (found,) = torch.autograd.grad(loss(target, mean), target)
    assert torch.allclose(found, expected)


@pytest.mark.parametrize('temperature', [None, 2.0])
def test_confidence_is_that_of_ca_mkd(temperature):
    sources = logits()
    ensemble = Ensemble('confidence', temperature)
    found = ensemble(sources, samples())
    means = [0.0] * 3
    for sample, label in enumerate(LABELS):
        rows = [source[sample].tolist() for source in sources]
        errors = [math.exp(-math.log(softmax(row)[label])) for row in rows]
        weights = [(1 - error / sum(errors)) / 2 for error in errors]
        assert sum(weights) == pytest.approx(1)
        if temperature is None:
            mean = [sum(w * v for w, v in zip(weights, vs)) for vs in zip(*rows)]
            assert found[sample].tolist() == pytest.approx(mean)
        else:
            rows = [softmax(row, temperature) for row in rows]
            mean = [sum(w * p for w, p in zip(weights, ps)) for ps in zip(*rows)]
            own = softmax(found[sample].tolist(), temperature)
            assert own == pytest.approx(mean)
        means = [m + w / 4 for m, w in zip(means, weights)]
    shown = [ensemble.stats[f'confidence_{k}'].item() for k in range(3)]
    assert shown == pytest.approx(means)


def test_the_surer_teacher_counts_more():
    sure = torch.tensor([[9.0, 0.0, 0.0, 0.0, 0.0]])
    sample = [DataSample().set_gt_label(0)]
    found = Ensemble('confidence')([sure, -sure], sample)
    assert torch.allclose(found, sure, atol=1e-2)


def test_levels_stay_levels():
    levels = [[torch.full((2, 3, s, s), float(k)) for s in (4, 2)] for k in (1, 2)]
    found = Ensemble([3.0, 1.0])(levels)
    assert [level.shape for level in found] == [(2, 3, 4, 4), (2, 3, 2, 2)]
    assert all((level == 1.25).all() for level in found)


@pytest.mark.parametrize('temperature', [None, 4.0])
def test_half_precision_is_left(temperature):
    sources = [source.bfloat16() for source in logits()]
    with torch.autocast('cpu', dtype=torch.bfloat16):
        found = Ensemble(temperature=temperature)(sources)
    assert found.dtype == torch.float32
    exact = Ensemble(temperature=temperature)([own.float() for own in sources])
    assert torch.equal(found, exact)


def test_an_empty_batch_stays_one():
    empty = [torch.zeros(0, 5)] * 2
    assert Ensemble('confidence', 4.0)(empty, []).shape == (0, 5)


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(weights='certainty'), "or 'confidence', got 'certainty'"),
        (dict(weights=[0.0, 0.0]), 'no source counts'),
        (dict(weights=[1.0, -1.0]), r'`weights\[1\]` must not be negative'),
        (dict(temperature=0.0), '`temperature` must lie in'),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        MODELS.build(dict(type='Ensemble', **arguments))


@pytest.mark.parametrize(
    ('arguments', 'sources', 'message'),
    [
        ({}, [torch.zeros(2, 5), torch.zeros(2, 4)], r'\(2, 5\), \(2, 4\); they must'),
        ({}, [[torch.zeros(2)], [torch.zeros(2)] * 2], 'differ in their number of'),
        ({}, [torch.zeros(2), [torch.zeros(2)]], 'differ in their number of levels'),
        (dict(weights=[1.0]), [torch.zeros(2, 5)] * 2, '1 weights for 2 sources'),
        (
            dict(weights='confidence'),
            [torch.zeros(2, 5, 3, 3)] * 2,
            'is for logits of shape',
        ),
        (
            dict(weights='confidence'),
            [torch.zeros(2, 5)] * 2,
            'there are no data samples',
        ),
    ],
)
def test_what_does_not_fit(arguments, sources, message):
    with pytest.raises(ValueError, match=message):
        Ensemble(**arguments)(sources)
