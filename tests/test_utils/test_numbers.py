# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import math

import pytest
import torch

from dynkd.utils import not_finite


@pytest.mark.parametrize('value', [math.nan, math.inf, -math.inf])
def test_the_first_tensor_that_is_not_finite_is_named(value):
    weights = dict(
        a=torch.ones(3, requires_grad=True),
        steps=torch.tensor(3),
        none=torch.empty(0),
        b=torch.tensor([1.0, value], dtype=torch.float64),
        c=torch.full((2, 2), value, dtype=torch.float16),
        text='nan',
    )
    assert not_finite(weights) == 'b'
    del weights['b'], weights['c']
    assert not_finite(weights) is None
    assert not_finite(dict(steps=torch.tensor(3))) is None
