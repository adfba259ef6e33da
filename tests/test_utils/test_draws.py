# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Random numbers that do not depend on compiling."""

import pytest
import torch
from torch import Tensor

from dynkd.utils import drawn


def noise(shape: tuple) -> Tensor:
    return torch.rand(shape)


def step(features: Tensor) -> Tensor:
    """Computes before and after it draws."""
    return ((features * 2).sin() + drawn(noise, features.shape)).cos()


@pytest.mark.parametrize(
    'backend', ['eager', pytest.param('inductor', marks=pytest.mark.slow)]
)
def test_compiled_steps_draw_the_same_numbers(backend):
    features = torch.linspace(0, 1, 6).view(2, 3)
    torch.compiler.reset()
    compiled = torch.compile(step, backend=backend)
    found = []
    for own in (step, compiled):
        torch.manual_seed(0)
        found.append(torch.stack([own(features) for _ in range(3)]))
    torch.testing.assert_close(*found)
    torch.compiler.reset()
