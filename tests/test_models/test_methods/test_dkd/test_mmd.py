# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dynkd.models.methods.dkd import MMDLoss


def slow_mmd(x, y, bandwidths, scale=None):
    """The docstring's formula in loops over points."""

    def gap(a, b):
        return sum((u - v) ** 2 for u, v in zip(a, b, strict=True))

    x, y = x.tolist(), y.tolist()
    if scale is None:
        points = x + y
        gaps = [
            gap(a, b)
            for i, a in enumerate(points)
            for j, b in enumerate(points)
            if i != j
        ]
        scale = sum(gaps) / len(gaps)

    def kernel(a, b):
        terms = [math.exp(-gap(a, b) / (width * scale)) for width in bandwidths]
        return sum(terms) / len(terms)

    def mean(left, right):
        return sum(kernel(a, b) for a in left for b in right) / len(left) / len(right)

    return mean(x, x) + mean(y, y) - 2 * mean(x, y)


@pytest.mark.parametrize('scale', [None, 3.0])
@pytest.mark.parametrize('counts', [(7, 7), (7, 4)])
def test_is_the_formula(agrees, counts, scale):
    x, y = (torch.randn(2, count, 3).double() + count for count in counts)
    widths = (0.5, 1.0, 3.0)
    expected = [slow_mmd(a, b, widths, scale) for a, b in zip(x, y, strict=True)]
    found = MMDLoss('spatial', widths, scale)(x, y)
    agrees('MMDLoss', found.item(), sum(expected) / 2)


@pytest.mark.parametrize('layout', ['spatial', 'channel', 'batch'])
def test_layouts_on_maps(agrees, layout):
    x, y = torch.randn(2, 3, 4, 2, 3).double()
    sides = {
        'spatial': [(a.flatten(1).T, b.flatten(1).T) for a, b in zip(x, y)],
        'channel': [(a.flatten(1), b.flatten(1)) for a, b in zip(x, y)],
        'batch': [(x.flatten(1), y.flatten(1))],
    }[layout]
    loss = MMDLoss(layout)
    expected = [slow_mmd(a, b, loss.bandwidths) for a, b in sides]
    agrees('MMDLoss', loss(x, y).item(), sum(expected) / len(expected))


def test_groups_are_averaged():
    x, y = torch.randn(2, 1, 12, 3).double()
    loss = MMDLoss('spatial', max_points=4)
    expected = [slow_mmd(x[0, g::3], y[0, g::3], loss.bandwidths) for g in range(3)]
    assert loss(x, y).item() == pytest.approx(sum(expected) / 3)


def test_gradcheck_at_a_fixed_scale():
    x, y = (
        torch.randn(2, 3, 2, 2, dtype=torch.float64, requires_grad=True) for _ in 'ab'
    )
    assert torch.autograd.gradcheck(MMDLoss('spatial', scale=2.0), (x, y))


def test_scale_is_not_differentiated():
    x, y = torch.randn(2, 1, 6, 3).double()
    points = torch.cat((x, y), 1)[0]
    scale = torch.cdist(points, points).square().sum().item() / (12 * 11)
    x.requires_grad_()
    (fixed,) = torch.autograd.grad(MMDLoss('spatial', scale=scale)(x, y), x)
    (found,) = torch.autograd.grad(MMDLoss('spatial')(x, y), x)
    assert torch.allclose(found, fixed)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**31), st.integers(1, 9), st.integers(1, 9), st.floats(0.1, 9))
def test_properties(seed, count, other, factor):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(2, count, 3, generator=generator).double()
    y = torch.randn(2, other, 3, generator=generator).double()
    loss = MMDLoss('spatial')
    value = loss(x, y)
    assert value >= -1e-12
    assert torch.allclose(loss(y, x), value)
    assert torch.allclose(loss(factor * x + 5, factor * y + 5), value)
    order = torch.randperm(count, generator=generator)
    assert loss(x, x[:, order]).item() == pytest.approx(0, abs=1e-12)


def test_descending_it_brings_the_clouds_together():
    torch.manual_seed(0)
    y = torch.randn(1, 50, 2)
    x = (torch.randn(1, 50, 2) + 3).requires_grad_()
    loss = MMDLoss('spatial')
    first = loss(x, y).item()
    optimizer = torch.optim.Adam([x], lr=0.1)
    for _ in range(60):
        optimizer.zero_grad()
        loss(x, y).backward()
        optimizer.step()
    assert loss(x, y).item() < 0.05 * first


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ({'bandwidths': ()}, 'bandwidths must be one or more numbers'),
        ({'bandwidths': (1.0, 0.0)}, r'`bandwidths\[1\]` must be positive'),
        ({'scale': 0.0}, '`scale` must be positive'),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        MMDLoss('spatial', **arguments)
