# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import numpy as np
import pytest
import torch

from dynkd.models.transfers.losses.correlation import pearson_distance, standardise


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
@pytest.mark.parametrize('constant', [0.0, 0.1, 3.7, -1e6])
def test_what_does_not_vary_is_zero_with_a_finite_gradient(dtype, constant):
    values = torch.full((3, 7), constant, dtype=dtype, requires_grad=True)
    found = standardise(values, [1])
    assert found.abs().max() <= 1e-6 * max(abs(constant), 1)
    (found * torch.arange(7)).sum().backward()
    assert values.grad.abs().max() < 10


@pytest.mark.parametrize('size', [1e-15, 1e15, 1e30])
def test_values_of_any_size_have_a_finite_gradient(size, features):
    values = (size * features(3, 7)[0].float()).requires_grad_()
    found = standardise(values, [1])
    found.square().sum(1).log().sum().backward()
    assert found.isfinite().all() and values.grad.isfinite().all()


def test_mean_and_variance(features):
    rows, _ = features(3, 50)
    found = standardise(4 + 1e-3 * rows, [1])
    assert torch.allclose(found.mean(1), torch.zeros(3).double(), atol=1e-9)
    assert torch.allclose(found.square().mean(1), torch.ones(3).double())


def test_is_numpys_correlation(features):
    target, source = features(4, 30)
    expected = [1 - np.corrcoef(t, s)[0, 1] for t, s in zip(target, source)]
    found = pearson_distance(target, source, [1]).item()
    assert found == pytest.approx(np.mean(expected), rel=1e-12)


def test_a_side_that_does_not_vary():
    line, constant = torch.arange(5.0)[None], torch.ones(1, 5)
    assert pearson_distance(line, constant, [1]) == pytest.approx(0.5)
    assert pearson_distance(constant, constant, [1]) == 0
