# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dynkd.models.methods.dpk.cka import (
    cka,
    cka_of_terms,
    hsic1,
    hsic_terms,
    position_terms,
)


def slow_hsic1(k, m):
    """Eq. 6 in loops over samples."""
    n = len(k)
    k, m = (
        [[0 if i == j else s[i][j] for j in range(n)] for i in range(n)] for s in (k, m)
    )
    trace = sum(k[i][j] * m[j][i] for i in range(n) for j in range(n))
    totals = sum(map(sum, k)) * sum(map(sum, m)) / ((n - 1) * (n - 2))
    columns = [sum(k[i][j] for i in range(n)) for j in range(n)]
    cross = sum(columns[j] * m[j][i] for i in range(n) for j in range(n))
    return (trace + totals - 2 / (n - 2) * cross) / (n * (n - 3))


def slow_terms(x, y):
    x, y = x.double().flatten(1), y.double().flatten(1)
    k, m = (x @ x.T).tolist(), (y @ y.T).tolist()
    return slow_hsic1(k, m), slow_hsic1(k, k), slow_hsic1(m, m)


def slow_cka(pairs):
    """Eq. 7 over minibatches."""
    terms = [slow_terms(x, y) for x, y in pairs]
    both, x, y = (sum(term[i] for term in terms) / len(terms) for i in range(3))
    return both / (x * y) ** 0.5


def activations(n, *shape, mean=3.0):
    """Features after a ReLU, far from centred, and others that depend on them."""
    base = torch.randn(n, *shape) + mean * torch.randn(1, *shape)
    other = base + 0.7 * torch.randn(n, *shape) + mean
    return base.relu(), other.relu()


@pytest.mark.parametrize('n', [4, 5, 16])
def test_hsic1_is_eq_6(agrees, n):
    k, m = (side @ side.T for side in torch.randn(2, n, 7).double())
    agrees('CKARatio', hsic1(k, m).item(), slow_hsic1(k.tolist(), m.tolist()))


def test_hsic1_of_many_matrices():
    k, m = (side @ side.mT for side in torch.randn(2, 3, 2, 6, 4).double())
    found = hsic1(k, m)
    assert found.shape == (3, 2)
    assert found[1, 1].item() == pytest.approx(hsic1(k[1, 1], m[1, 1]).item())


@pytest.mark.parametrize(
    ('n', 'shape'),
    [(4, (64, 7, 7)), (5, (12,)), (16, (512, 7, 7)), (65, (64, 7, 7))],
)
def test_digits_on_uncentred_activations(n, shape):
    x, y = activations(n, *shape)
    expected = slow_cka([(x, y)])
    assert cka(x, y).dtype == torch.float32
    assert abs(cka(x, y).item() - expected) < 1e-5
    with torch.autocast('cpu', torch.bfloat16):
        assert abs(cka(x, y).item() - expected) < 1e-5


def test_half_precision_features_are_compared_in_float32():
    x, y = (side.bfloat16() for side in activations(16, 64))
    assert abs(cka(x, y).item() - slow_cka([(x, y)])) < 1e-5


def test_far_from_the_origin():
    # Without centring, float32 would have no digits left.
    x, y = activations(80, 20)
    shifted = cka((x + 1000).double(), (y - 3000).double()).item()
    assert abs(cka(x + 1000, y - 3000).item() - shifted) < 1e-3
    assert abs(shifted - slow_cka([(x, y)])) < 1e-3


def test_large_features_do_not_overflow():
    x, y = activations(16, 50)
    assert cka(1e8 * x, 1e9 * y).item() == pytest.approx(cka(x, y).item(), abs=1e-5)


def test_more_features_than_are_compared_at_once(monkeypatch):
    x, y = activations(6, 50)
    expected = cka(x, y).item()
    monkeypatch.setattr('dynkd.models.methods.dpk.cka._PART', 6 * 7)
    assert cka(x, y).item() == pytest.approx(expected, abs=1e-6)


def test_minibatches_are_averaged_before_the_quotient():
    pairs = [activations(6, 10), activations(8, 10, mean=0.5)]
    terms = torch.stack([hsic_terms(x, y) for x, y in pairs])
    found = cka_of_terms(terms).item()
    assert found == pytest.approx(slow_cka(pairs), abs=1e-5)
    assert abs(found - sum(cka(x, y).item() for x, y in pairs) / 2) > 1e-3


def test_numbers_of_features_may_differ():
    x, y = torch.randn(8, 3, 4, 4), torch.randn(8, 5, 2, 2)
    assert cka(x, y).item() == pytest.approx(slow_cka([(x, y)]), abs=1e-5)


@settings(deadline=None, max_examples=30)
@given(st.integers(4, 80), st.integers(1, 40), st.floats(0.01, 100), st.integers(0, 99))
def test_neither_orthogonal_maps_nor_scaling_count(n, features, scale, seed):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, features, generator=generator)
    y = x + torch.randn(n, features, generator=generator)
    turn = torch.linalg.qr(torch.randn(features, features, generator=generator))[0]
    before = cka(x, y).item()
    assert cka(scale * x @ turn, y).item() == pytest.approx(before, abs=1e-4)
    assert cka(y, x).item() == pytest.approx(before, abs=1e-5)
    assert cka(x, -scale * x @ turn).item() == pytest.approx(1, abs=1e-4)
    assert before < 1 + 1e-6


def test_a_map_that_is_not_orthogonal_counts():
    x = torch.randn(16, 3)
    assert cka(x, x * torch.tensor([1.0, 5.0, 0.1])).item() < 0.95


@pytest.mark.parametrize('n', [4, 16])
def test_expectation_is_0_for_independent_features(n):
    x, y = (torch.randn(4000, n, 8).double().exp() for _ in 'ab')
    k, m = x @ x.mT, y @ y.mT
    found = hsic1(k, m)
    error = found.std() / len(found) ** 0.5
    assert found.mean().abs() < 4 * error
    # The usual estimate is biased, so that the assertion above could fail.
    centre = torch.eye(n).double() - 1 / n
    biased = ((centre @ k @ centre) * m).sum((1, 2)) / (n - 1) ** 2
    assert biased.mean() > 8 * biased.std() / len(biased) ** 0.5


def test_what_is_constant_has_no_similarity():
    x = torch.randn(8, 5)
    assert cka(x, torch.full((8, 3), 2.5)).item() == 0
    assert cka(torch.zeros(8, 3), torch.zeros(8, 3)).item() == 0


def test_positions_are_the_samples():
    x, y = torch.randn(2, 5, 3, 4), torch.randn(2, 7, 3, 4)
    x, y = x + 3, torch.cat((y[:, :2], x + y[:, :5]), 1)
    rows = [side.permute(0, 2, 3, 1).reshape(24, -1) for side in (x, y)]
    expected = torch.tensor(slow_terms(*rows))
    torch.testing.assert_close(position_terms(x, y), expected)


def test_positions_are_dealt_out_evenly():
    x, y = torch.randn(2, 3, 15, 20), torch.randn(2, 4, 15, 20)
    rows = [side.permute(0, 2, 3, 1).reshape(600, -1) for side in (x, y)]
    parts = [slow_terms(rows[0][i::3], rows[1][i::3]) for i in range(3)]
    expected = torch.tensor(parts).mean(0)
    torch.testing.assert_close(position_terms(x, y), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('compare', [cka, hsic_terms])
def test_too_few_samples(compare):
    with pytest.raises(ValueError, match='at least 4 samples .* got 3'):
        compare(torch.randn(3, 5), torch.randn(3, 5))


def test_too_few_positions():
    with pytest.raises(ValueError, match='at least 4 samples .* got 2'):
        position_terms(torch.randn(2, 5, 1, 1), torch.randn(2, 5, 1, 1))


def test_other_samples():
    with pytest.raises(ValueError, match=r'got 4 of shape \(4, 5\) and 5 of'):
        cka(torch.randn(4, 5), torch.randn(5, 5))
    with pytest.raises(ValueError, match='needs the same ones twice'):
        position_terms(torch.randn(2, 5, 3, 4), torch.randn(2, 5, 4, 3))
