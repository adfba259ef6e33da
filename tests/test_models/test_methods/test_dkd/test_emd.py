# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import itertools

import numpy as np
import ot
import pytest
import torch
from geomloss import SamplesLoss
from hypothesis import given, settings
from hypothesis import strategies as st

from dynkd.models.methods.dkd import EMDLoss, assignment
from dynkd.models.methods.dkd.assignment import best_permutation, optimal_matching

#: Eq. 1 with the factor of the class's docstring.
COST = {1: lambda d: d, 2: lambda d: d**2 / 2}


def clouds(count=12, dims=5, batch=3, correlation=0.0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x, noise = torch.randn(2, batch, count, dims, generator=generator).double()
    return x, correlation * x + (1 - correlation**2) ** 0.5 * noise


def pot(x, y, p):
    """The exact distance of one pair of clouds, by POT's network simplex."""
    cost = COST[p](np.linalg.norm(x[:, None].numpy() - y[None].numpy(), axis=-1))
    weights = [np.full(len(points), 1 / len(points)) for points in (x, y)]
    return ot.emd2(*weights, cost)


@pytest.mark.parametrize('p', [1, 2])
@pytest.mark.parametrize('correlation', [0, 0.5, 0.9])
@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_value_is_pots(p, correlation, dtype):
    x, y = clouds(150, 32, 2, correlation)
    expected = np.mean([pot(a, b, p) for a, b in zip(x, y, strict=True)])
    found = EMDLoss('spatial', p=p, max_points=None)(x.to(dtype), y.to(dtype))
    assert found.item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize('p', [1, 2])
def test_value_is_the_best_of_all_permutations(agrees, p):
    """Eq. 1 by brute force."""
    x, y = (side[0] for side in clouds(6, 2, 1))
    expected = min(
        np.mean([COST[p]((x[i] - y[j]).norm().item()) for i, j in enumerate(order)])
        for order in itertools.permutations(range(6))
    )
    found = EMDLoss('spatial', p=p)(x[None], y[None])
    agrees('EMDLoss', found.item(), expected)


@pytest.mark.parametrize('p', [1, 2])
def test_value_far_from_the_origin(p):
    """Features after a ReLU are not centred; float32 must still find the plan."""
    x, y = clouds(100, 16, 1)
    x, y = (x + 1000).float(), (y + 1000).float()
    expected = pot(x[0].double(), y[0].double(), p)
    found = EMDLoss('spatial', p=p, max_points=None)(x, y)
    assert found.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize('p', [1, 2])
@pytest.mark.parametrize('layout', ['spatial', 'channel', 'batch'])
def test_layouts_on_maps(agrees, layout, p):
    x, y = torch.randn(2, 4, 5, 3, 2).double()
    pairs = {
        'spatial': [(a.flatten(1).T, b.flatten(1).T) for a, b in zip(x, y)],
        'channel': [(a.flatten(1), b.flatten(1)) for a, b in zip(x, y)],
        'batch': [(x.flatten(1), y.flatten(1))],
    }[layout]
    expected = np.mean([pot(a, b, p) for a, b in pairs])
    found = EMDLoss(layout, p=p)(x, y)
    agrees('EMDLoss', found.item(), expected)


@pytest.mark.parametrize('p', [1, 2])
@pytest.mark.parametrize('counts', [(9, 9), (9, 4)])
def test_sinkhorn_is_geomlosss(agrees, p, counts):
    x, y = torch.randn(2, counts[0], 3), torch.randn(2, counts[1], 3)
    x.requires_grad_()
    expected = SamplesLoss('sinkhorn', p=p, blur=0.1, scaling=0.7)(x, y).mean()
    (gradient,) = torch.autograd.grad(expected, x)
    loss = EMDLoss('spatial', p=p, blur=0.1, scaling=0.7, solver='sinkhorn')
    found = loss(x, y)
    found.backward()
    agrees("EMDLoss(solver='sinkhorn')", found.item(), expected.item())
    assert torch.allclose(x.grad, gradient, atol=1e-6)


@pytest.mark.parametrize('p', [1, 2])
def test_unequal_counts_come_near_pot(p):
    x, y = clouds(40, 3, 1)
    y = y[:, :25]
    loss = EMDLoss('spatial', p=p, blur=0.01, scaling=0.99)
    assert loss(x, y).item() == pytest.approx(pot(x[0], y[0], p), rel=0.02)


@pytest.mark.parametrize('scale', [0.01, 1, 100])
@pytest.mark.parametrize('counts', [(60, 60), (60, 35)])
@pytest.mark.parametrize('p', [1, 2])
def test_sinkhorn_is_as_exact_at_every_scale(p, counts, scale):
    x, y = clouds(60, 64, 2, correlation=0.5)
    x, y = scale * x[:, : counts[0]], scale * y[:, : counts[1]]
    expected = np.mean([pot(a, b, p) for a, b in zip(x, y, strict=True)])
    loss = EMDLoss('spatial', p=p, solver='sinkhorn')
    for dtype, centre in itertools.product((torch.float32, torch.float64), (0, 10)):
        shift = centre * scale
        found = loss((x + shift).to(dtype), (y + shift).to(dtype)).item()
        assert found == pytest.approx(expected, rel=0.04)
        same = loss(x / scale, y / scale).item() * scale**p
        assert found == pytest.approx(same, rel=5e-4)


def test_a_given_blur_is_in_the_unit_of_the_features():
    x, y = (0.01 * side for side in clouds(60, 64, 1))
    found = EMDLoss('spatial', solver='sinkhorn', blur=0.05)(x, y[:, :35])
    expected = SamplesLoss('sinkhorn', p=1, blur=0.05)(x, y[:, :35])
    assert found.item() == pytest.approx(expected.item(), rel=1e-6)
    assert found.item() < 0.6 * pot(x[0], y[0, :35], 1)


@pytest.mark.parametrize('p', [1, 2])
def test_exact_and_sinkhorn_agree(p):
    x, y = clouds(30, 3, 2)
    loss = EMDLoss('spatial', p=p, solver='sinkhorn', blur=0.005, scaling=0.9)
    assert loss(x, y).item() == pytest.approx(
        EMDLoss('spatial', p=p)(x, y).item(), rel=0.02
    )


@pytest.mark.parametrize('p', [1, 2])
@pytest.mark.parametrize('layout', ['spatial', 'channel', 'batch'])
def test_gradcheck(layout, p):
    x, y = (
        torch.randn(3, 4, 2, 2, dtype=torch.float64, requires_grad=True)
        for _ in range(2)
    )
    assert torch.autograd.gradcheck(EMDLoss(layout, p=p, max_points=3), (x, y))


@pytest.mark.parametrize('p', [1, 2])
def test_gradient_is_that_of_pots_plan(p):
    x, y = clouds(60, 8, 1)
    x.requires_grad_()
    cost = COST[p](torch.cdist(x[0], y[0]))
    weights = np.full(60, 1 / 60)
    plan = torch.from_numpy(ot.emd(weights, weights, cost.detach().numpy()))
    (expected,) = torch.autograd.grad((plan * cost).sum(), x)
    (found,) = torch.autograd.grad(EMDLoss('spatial', p=p)(x, y), x)
    assert torch.allclose(found, expected, atol=1e-8)


def test_gradient_is_zero_where_points_coincide():
    x, y = clouds(4, 3, 1)
    x[0, 2] = y[0, 1] = torch.full((3,), 9.0)
    x.requires_grad_()
    EMDLoss('spatial', p=1)(x, y).backward()
    assert x.grad.isfinite().all()
    assert x.grad[0, 2].abs().sum() == 0
    assert x.grad[0, [0, 1, 3]].abs().sum(1).gt(0).all()


numbers = st.integers(0, 2**31)
powers = st.sampled_from([1, 2])
fast = settings(deadline=None, max_examples=25)


@fast
@given(numbers, powers, st.integers(1, 12), st.integers(1, 4))
def test_symmetric_and_blind_to_order(seed, p, count, dims):
    x, y = clouds(count, dims, 2, seed=seed)
    loss = EMDLoss('spatial', p=p)
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    value = loss(x, y)
    assert value >= 0
    assert torch.allclose(loss(y, x), value)
    assert torch.allclose(loss(x[:, order], y), value)


@fast
@given(numbers, powers, st.integers(1, 12))
def test_zero_between_a_cloud_and_itself_in_another_order(seed, p, count):
    x, _ = clouds(count, 3, 1, seed=seed)
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    assert EMDLoss('spatial', p=p)(x, x[:, order]) == 0


@fast
@given(numbers, st.integers(1, 10))
def test_triangle_inequality(seed, count):
    """What Eq. 4 builds on."""
    x, y = clouds(count, 3, 1, seed=seed)
    z, _ = clouds(count, 3, 1, seed=seed + 1)
    loss = EMDLoss('spatial')
    assert loss(x, z) <= loss(x, y) + loss(y, z) + 1e-12


@fast
@given(numbers, powers, st.floats(0.01, 100))
def test_scales_with_the_power_and_ignores_translations(seed, p, factor):
    x, y = clouds(8, 3, 1, seed=seed)
    loss = EMDLoss('spatial', p=p)
    assert torch.allclose(loss(factor * x, factor * y), factor**p * loss(x, y))
    assert torch.allclose(loss(x + factor, y + factor), loss(x, y))


@fast
@given(numbers, powers, st.integers(2, 40), st.integers(1, 9))
def test_groups_bound_the_whole_from_above(seed, p, count, max_points):
    x, y = clouds(count, 3, 1, seed=seed)
    grouped = EMDLoss('spatial', p=p, max_points=max_points)(x, y)
    whole = EMDLoss('spatial', p=p, max_points=None)(x, y)
    assert grouped >= whole - 1e-9


def test_groups_give_the_whole_where_features_are_close():
    x, y = clouds(300, 16, 2, correlation=0.95)
    grouped = EMDLoss('spatial', p=2, max_points=32)(x, y)
    assert torch.allclose(grouped, EMDLoss('spatial', p=2, max_points=None)(x, y))


@pytest.mark.parametrize('p', [1, 2])
def test_points_on_a_line_are_sorted(p, monkeypatch):
    x, y = torch.randn(2, 3, 50).double()
    expected = np.mean([pot(a[:, None], b[:, None], p) for a, b in zip(x, y)])
    monkeypatch.setattr('dynkd.models.methods.dkd.emd.optimal_matching', None)
    found = EMDLoss('channel', p=p, max_points=7)(x, y)
    assert found.item() == pytest.approx(expected, rel=1e-9)


def test_single_points_are_paired():
    x, y = torch.randn(2, 3, 5)
    found = EMDLoss('spatial')(x, y)
    assert torch.allclose(found, (x - y).norm(dim=1).mean())


@pytest.mark.parametrize('threads', [1, 2])
def test_matching_is_the_same_in_chunks_and_threads(threads, monkeypatch):
    x, y = clouds(20, 4, 7)
    expected = [best_permutation(torch.cdist(a, b).numpy()) for a, b in zip(x, y)]
    monkeypatch.setattr(assignment, 'CHUNK_ENTRIES', 3 * 20**2)
    monkeypatch.setattr(torch, 'get_num_threads', lambda: threads)
    assert torch.equal(optimal_matching(x, y, 1), torch.tensor(np.stack(expected)))


def test_costs_are_not_kept_for_the_backward_pass():
    """The graph holds points, never matrices of points by points."""
    x, y = clouds(64, 4, 2)
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(
        lambda tensor: kept.append(tensor.numel()) or tensor, lambda tensor: tensor
    ):
        EMDLoss('spatial')(x.requires_grad_(), y)
    assert kept and max(kept) <= x.numel()


@pytest.mark.parametrize('p', [1, 2])
def test_sinkhorn_where_all_points_coincide(p):
    x, y = torch.ones(1, 3, 2, requires_grad=True), torch.ones(1, 2, 2)
    value = EMDLoss('spatial', p=p)(x, y)
    value.backward()
    assert value.item() == pytest.approx(0, abs=1e-6)
    assert x.grad.isfinite().all()


def test_sinkhorn_of_values_that_are_not_finite():
    x, y = torch.ones(1, 3, 2), torch.ones(1, 2, 2)
    x[0, 0, 0] = float('nan')
    assert EMDLoss('spatial')(x, y).isnan()


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ({'p': 3}, 'p must be 1 or 2, got 3'),
        ({'solver': 'simplex'}, "solver must be one of .* got 'simplex'"),
        ({'blur': 0}, '`blur` must be positive'),
        ({'scaling': 1}, 'scaling must be between 0 and 1'),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        EMDLoss('spatial', **arguments)


def test_exact_refuses_unequal_counts():
    loss = EMDLoss('spatial', solver='exact')
    with pytest.raises(ValueError, match='got 9 in the target and 4 in the source'):
        loss(torch.zeros(1, 2, 3, 3), torch.zeros(1, 2, 2, 2))


@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
@pytest.mark.parametrize('p', [1, 2])
@pytest.mark.parametrize('solver', ['auto', 'exact', 'sinkhorn'])
def test_gpu(p, solver):
    x, y = clouds(30, 3, 2)
    loss = EMDLoss('spatial', p=p, solver=solver, blur=0.005, scaling=0.9)
    on_gpu = x.cuda().requires_grad_()
    with torch.autocast('cuda', dtype=torch.bfloat16):
        value = loss(on_gpu, y.cuda())
    value.backward()
    expected = EMDLoss('spatial', p=p, solver='exact')(x, y)
    assert value.item() == pytest.approx(expected.item(), rel=0.02)
    assert on_gpu.grad.isfinite().all() and on_gpu.grad.abs().sum() > 0
