# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Two streams, and optimizer wrappers for them."""

from typing import Any, Callable, Optional

import pytest
import torch
from mmengine.optim import build_optim_wrapper

from dynkd.engine.optimizers import StreamOptimWrapper


@pytest.fixture
def wrap() -> Callable[..., StreamOptimWrapper]:
    """Build the wrappers as MMEngine's runner does."""

    def build(
        model: torch.nn.Module, streams: Optional[dict] = None, **shared: Any
    ) -> StreamOptimWrapper:
        cfg = dict(shared, constructor='dynkd.StreamOptimWrapperConstructor')
        if streams is not None:
            cfg['streams'] = streams
        return build_optim_wrapper(model, cfg)

    return build


@pytest.fixture
def sgd() -> Callable[..., dict]:
    """Config of a stream's wrapper."""

    def config(
        lr: float = 0.1,
        clip: Optional[float] = None,
        paramwise: Optional[dict] = None,
        **optimizer: Any,
    ) -> dict:
        cfg = dict(optimizer=dict(type='SGD', lr=lr, **optimizer))
        if clip is not None:
            cfg['clip_grad'] = dict(max_norm=clip)
        if paramwise is not None:
            cfg['paramwise_cfg'] = paramwise
        return cfg

    return config


@pytest.fixture
def model(build, classifier, kld):
    """Both streams without batch normalisation, so that samples do not mix."""
    configs = [classifier(), classifier()]
    for config in configs:
        config['backbone']['norm_cfg'] = dict(type='GN', num_groups=4)
    return build(
        teacher=dict(model=configs[0]),
        student=dict(model=configs[1]),
        transfers=dict(
            loss_student=kld('teacher', 'student'),
            loss_teacher=kld('student', 'teacher'),
        ),
    )


@pytest.fixture
def values() -> Callable[[torch.nn.Module], dict[str, torch.Tensor]]:
    """Copy the parameters of a model."""

    def copies(model: torch.nn.Module) -> dict[str, torch.Tensor]:
        return {name: p.detach().clone() for name, p in model.named_parameters()}

    return copies
