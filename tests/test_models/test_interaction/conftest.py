# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
from typing import Any, Callable

import pytest
import torch
from torch import nn

from dynkd.registry import MODELS


@pytest.fixture(scope='session')
def body() -> Callable[..., nn.Module]:
    """A model that is nothing but a backbone, of MMPretrain unless it says so."""

    def build(kind: str, **cfg: Any) -> nn.Module:
        model = nn.Module()
        kind = kind if '.' in kind else f'mmpretrain.{kind}'
        model.backbone = MODELS.build(dict(type=kind, **cfg))
        for parameter in model.parameters():  # blocks that differ, and do something
            nn.init.normal_(parameter, std=0.2)
        return model.eval()

    return build


@pytest.fixture(scope='session')
def thin(body) -> Callable[..., nn.Module]:
    """A ResNet of 6n+2 layers, 4 channels wide."""

    def build(depth: int) -> nn.Module:
        return body(
            'dynkd.ResNet6nPlus2', depth=depth, stem_channels=4, base_channels=4
        )

    return build


@pytest.fixture
def images() -> torch.Tensor:
    """Eight random images."""
    return torch.rand(8, 3, 32, 32, generator=torch.Generator().manual_seed(1))
