# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Small interactive distillations, and what is seen of their steps."""

import copy
from typing import Any, Callable

import pytest
import torch
from mmengine.config import ConfigDict
from torch import nn

from dynkd.models.methods.iakd import interaction as paths
from dynkd.registry import MODELS

IMAGE = (3, 32, 32)


@pytest.fixture(scope='session')
def net(classifier):
    """Config of a classifier with a thin ResNet of 6n+2 layers."""

    def config(depth: int) -> dict:
        cfg = classifier()
        cfg['backbone'] = dict(
            type='dynkd.ResNet6nPlus2',
            depth=depth,
            stem_channels=4,
            base_channels=4,
            # Else every block gives what it is given, before it has learned.
            zero_init_residual=False,
        )
        cfg['head']['in_channels'] = 16
        return cfg

    return config


@pytest.fixture
def interactive(net):
    """Build a student of 20 layers (6 pairs) with a frozen teacher of 32."""

    def build(teacher=32, student=20, stream=None, **cfg):
        interaction = dict(dict(probability=0.5), **cfg.pop('interaction', {}))
        streams = dict(
            student=dict(model=net(student), input_shape=IMAGE),
            teacher=dict(model=net(teacher), input_shape=IMAGE, frozen=True),
        )
        for name, own in (stream or {}).items():
            streams[name] = dict(streams.get(name, {}), **own)
        cfg = dict(
            type='dynkd.InteractiveDistillation',
            streams=streams,
            interaction=interaction,
            **cfg,
        )
        model = MODELS.build(ConfigDict(copy.deepcopy(cfg)))
        model.init_weights()
        return model.train()

    return build


@pytest.fixture
def take(monkeypatch):
    """Say which paths are drawn: indices of the pairs that take the teacher's."""

    def set_paths(*indices: int) -> None:
        monkeypatch.setattr(
            paths,
            'draw_paths',
            lambda n, p, progress: tuple(i in indices for i in range(n)),
        )

    return set_paths


@pytest.fixture(scope='session')
def counted() -> Callable[..., dict[str, int]]:
    """Count how often each stream's blocks run, from now on."""

    def run(model) -> dict[str, int]:
        counts: dict[str, int] = {}

        def hook(name):
            def count(module, args, output):
                counts[name] = counts.get(name, 0) + 1

            return count

        for stream in model.all_streams:
            for name, part in model.stream(stream).model.named_modules():
                if name:
                    part.register_forward_hook(hook(f'{stream}.{name}'))
        return counts

    return run


@pytest.fixture(scope='session')
def step() -> Callable[..., dict[str, torch.Tensor]]:
    """Take the gradients of a step."""

    def run(model, batch) -> dict[str, torch.Tensor]:
        losses = model(**batch, mode='loss')
        model.parse_losses(losses)[0].backward()
        return losses

    return run


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
