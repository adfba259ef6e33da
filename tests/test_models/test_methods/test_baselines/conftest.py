# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Pairs of features."""

from typing import Callable

import pytest
import torch


@pytest.fixture(scope='session')
def features() -> Callable[..., list[torch.Tensor]]:
    """Two features of a shape, standard normal, in float64."""

    def make(*shape: int, seed: int = 0) -> list[torch.Tensor]:
        generator = torch.Generator().manual_seed(seed)
        return [
            torch.randn(shape, generator=generator, dtype=torch.float64) for _ in 'ab'
        ]

    return make
