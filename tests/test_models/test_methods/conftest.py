# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Classifiers with branches, and slow transcriptions of the papers' equations."""

import math
from typing import Any, Callable

import pytest
import torch

from dynkd.models.taps import Tap, collect, record


@pytest.fixture(scope='session')
def guided(classifier) -> Callable[..., dict]:
    """Config of a stream of EKD: a narrow ResNet-18 with guided modules."""

    def config(width: int = 8, num: Any = None, features: int = 64, **stream) -> dict:
        module = dict(type='GuidedModule', out_channels=features)
        return dict(
            model=classifier(width=width),
            branches=dict(module=module, num=num),
            **stream,
        )

    return config


@pytest.fixture(scope='session')
def fused(classifier) -> Callable[..., dict]:
    """Config of a stream of DTSKD: a narrow ResNet-18 with mixed fusion modules."""

    def config(**stream) -> dict:
        return dict(
            model=classifier(),
            loss_weight=0.0,
            branches=dict(module=dict(type='MixedFusionModule'), loss_weight=0.0),
            **stream,
        )

    return config


@pytest.fixture(scope='session')
def yielded() -> Callable[..., dict[str, torch.Tensor]]:
    """What taps of the streams yield in a step, in float64."""

    def run(model, batch, *taps: str) -> tuple[dict, dict[str, torch.Tensor]]:
        recorded: dict[str, torch.Tensor] = {}
        contexts = []
        for name in model.all_streams:
            own = [tap for tap in map(Tap.parse, taps) if tap.stream == name]
            contexts.append(record(model.stream(name).model, own))
        outputs = [context.__enter__() for context in contexts]
        losses = model(**batch, mode='loss')
        for context in contexts:
            context.__exit__(None, None, None)
        for output in outputs:
            for tap, value in collect(output).items():
                recorded[str(tap)] = value.detach().double()
        return losses, recorded

    return run


def _softmax(logits: list[float], temperature: float) -> list[float]:
    top = max(logits)
    powers = [math.exp((value - top) / temperature) for value in logits]
    return [power / sum(powers) for power in powers]


@pytest.fixture(scope='session')
def divergence() -> Callable[..., float]:
    """tau^2 KL(source || target), the mean over the batch, value by value."""

    def compute(source: torch.Tensor, target: torch.Tensor, temperature=4.0) -> float:
        total = 0.0
        for teach, learn in zip(source.tolist(), target.tolist()):
            pairs = zip(_softmax(teach, temperature), _softmax(learn, temperature))
            total += sum(p * (math.log(p) - math.log(q)) for p, q in pairs)
        return temperature**2 * total / len(source)

    return compute
