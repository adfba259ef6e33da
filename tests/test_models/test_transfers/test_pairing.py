# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Several sources of a transfer: each by itself, or as one."""

import pytest
import torch

from dynkd.models.schedules import Progress
from dynkd.models.taps import Tap
from dynkd.models.transfers import Transfer

TAPS = {name: Tap.parse(f'{name}.m') for name in ('first', 'second', 'student')}
MSE = dict(type='FeatureLoss')


@pytest.fixture
def outputs():
    return {tap: torch.randn(2, 3, requires_grad=True) for tap in TAPS.values()}


def values(outputs) -> list[torch.Tensor]:
    return [outputs[tap] for tap in TAPS.values()]


def compare(outputs, **cfg):
    transfer = Transfer(['first.m', 'second.m'], 'student.m', loss=MSE, **cfg)
    return transfer(outputs, {}, Progress.current())


def test_each_source_has_a_loss_without_an_ensemble(outputs):
    first, second, student = values(outputs)
    expected = (student - first).square().mean() + (student - second).square().mean()
    torch.testing.assert_close(compare(outputs), expected)


def test_an_ensemble_makes_one_source_of_them(outputs):
    first, second, student = values(outputs)
    loss = compare(outputs, ensemble=dict(type='Ensemble', weights=[3.0, 1.0]))
    mean = (3 * first + second) / 4
    torch.testing.assert_close(loss, (student - mean).square().mean())
    loss.backward()
    assert student.grad.any() and first.grad is None and second.grad is None


def test_the_source_connector_receives_what_the_ensemble_returns(outputs):
    first, second, student = values(outputs)
    connector = torch.nn.Linear(3, 3)
    loss = compare(outputs, ensemble=dict(type='Ensemble'), source_connector=connector)
    mean = connector((first + second) / 2)
    torch.testing.assert_close(loss, (student - mean).square().mean())


def test_sources_that_are_not_detached_learn(outputs):
    first, second, _ = values(outputs)
    ensemble = dict(type='Ensemble', weights=[3.0, 1.0])
    compare(outputs, ensemble=ensemble, detach_source=False).backward()
    torch.testing.assert_close(first.grad, 3 * second.grad)


@pytest.mark.parametrize(
    ('source', 'target'),
    [
        ('first.m', 'student.m'),
        (['first.m'], 'student.m'),
        (['first.m', 'second.m'], ['student.m', 'student.n']),
    ],
)
def test_an_ensemble_of_one_or_for_several(source, target):
    with pytest.raises(ValueError, match='makes one source of several, for one'):
        Transfer(source, target, loss=MSE, ensemble=dict(type='Ensemble'))
