# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Eq. 6 of IAKD: the sum over the levels that a step counts."""

import pytest
import torch

from dynkd.models.methods.iakd import draw_paths, random_levels
from dynkd.models.schedules import Progress
from dynkd.registry import MODELS


def build(probability=0.5, weight: float = 1.0, **loss):
    cfg = dict(loss or dict(type='FeatureLoss'))
    return MODELS.build(
        dict(
            type='dynkd.RandomLevelsLoss',
            probability=probability,
            loss=cfg,
            loss_weight=weight,
        )
    )


def levels(count: int = 5) -> tuple[list, list]:
    shapes = [(2, 2 + n, 4, 4) for n in range(count)]
    return (
        [
            torch.randn(shape, dtype=torch.float64, requires_grad=True)
            for shape in shapes
        ],
        [torch.randn(shape, dtype=torch.float64) for shape in shapes],
    )


def squared(target: torch.Tensor, source: torch.Tensor) -> float:
    pairs = list(zip(target.flatten().tolist(), source.flatten().tolist()))
    return sum((a - b) ** 2 for a, b in pairs) / len(pairs)


@pytest.mark.parametrize('drawn', [(1, 0, 1, 0, 0), (0, 1, 1, 1, 1), (1, 1, 1, 1, 1)])
def test_equation(agrees, monkeypatch, drawn):
    monkeypatch.setattr(
        random_levels, 'draw_paths', lambda n, p, progress: tuple(map(bool, drawn[:n]))
    )
    target, source = levels()
    loss = build(weight=0.25)
    value = loss(target, source)
    expected = sum(a * squared(t, s) for a, t, s in zip(drawn, target, source))
    agrees('RandomLevelsLoss', value.item(), 0.25 * expected)
    assert loss.stats['p'] == 0.5
    assert loss.stats['counted'] == pytest.approx(sum(drawn) / 5)
    value.backward()
    assert [bool(t.grad.any()) for t in target] == list(map(bool, drawn))


def test_no_level_counts(progress):
    """The sum of nothing is 0, has a graph, and no value spoils it."""
    target, source = levels(2)
    target[0].data[0, 0] = float('inf')
    value = build(probability=1.0)(target, source)
    assert value.item() == 0
    value.backward()
    assert target[0].grad.abs().sum().item() == 0


def test_draws_are_those_of_the_interaction(progress):
    """Level n counts where pair n would take the teacher's path."""
    target, source = levels()
    loss = build(probability=0.7)
    shares = set()
    for at in range(30):
        progress(iter=at, seed=4)
        drawn = draw_paths(5, 0.7, Progress.current())
        own = sum(squared(t, s) for t, s, d in zip(target, source, drawn) if d)
        assert loss(target, source).item() == pytest.approx(own)
        shares.add(loss.stats['counted'].item())
    assert len(shares) > 2


def test_without_gradients_all_count():
    """So that every level is tried out when a model is built."""
    target, source = levels()
    expected = sum(squared(t, s) for t, s in zip(target, source))
    loss = build(probability=dict(type='ReviewSchedule', start=0.1))
    with torch.no_grad():
        assert loss(target, source).item() == pytest.approx(expected)
    assert loss.eval()(target, source).item() == pytest.approx(expected)
    assert loss.stats == {}


def test_schedule(progress):
    loss = build(probability=dict(type='LinearSchedule', start=0.5, stop=1.0))
    progress(epoch=1, max_epochs=3)
    loss(*levels())
    assert loss.stats['p'] == 0.75


def test_one_tensor():
    (target,), (source,) = levels(1)
    loss = build(probability=1e-9)
    assert loss(target, source).item() == pytest.approx(squared(target, source))
    assert loss.stats['counted'] == 1


def test_the_loss_is_any():
    target, source = levels(2)
    loss = build(probability=1e-9, type='FeatureLoss', kind='l1')
    expected = sum((t - s).abs().mean() for t, s in zip(target, source))
    assert loss(target, source).item() == pytest.approx(expected.item())


def test_errors():
    with pytest.raises(ValueError, match=r'RandomLevelsLoss: probability.*\(0, 1\]'):
        build(probability=0.0)
    target, source = levels(3)
    for probability in (1e-9, 1.0):
        with pytest.raises(ValueError, match='3 level.*and.*2'):
            build(probability=probability)(target, source[:2])
    with pytest.raises(ValueError, match='same resolution'):
        build(probability=1e-9)(target[:1], [source[0][..., :2]])


@pytest.mark.parametrize('drawn', [(True, False, True), (False, False, False)])
def test_levels_that_do_not_count_have_gradients_of_zero(monkeypatch, drawn):
    """Several processes would wait for them."""
    monkeypatch.setattr(random_levels, 'draw_paths', lambda *_: drawn)
    targets, sources = levels(3)
    build()(targets, sources).backward()
    for target, counts in zip(targets, drawn):
        assert target.grad is not None
        assert bool(target.grad.any()) == counts
