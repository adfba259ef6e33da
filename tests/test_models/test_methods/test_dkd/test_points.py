# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import logging

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dynkd.models.methods.dkd import EMDLoss, MMDLoss
from dynkd.models.methods.dkd.points import (
    interleaved_groups,
    squared_distances,
    to_points,
)


def test_spatial_points_are_positions():
    feature = torch.arange(2 * 3 * 4 * 5.0).reshape(2, 3, 4, 5)
    points = to_points(feature, 'spatial')
    assert points.shape == (2, 20, 3)
    assert torch.equal(points[1, 2 * 5 + 3], feature[1, :, 2, 3])


def test_channel_points_are_channels():
    feature = torch.arange(2 * 3 * 4 * 5.0).reshape(2, 3, 4, 5)
    points = to_points(feature, 'channel')
    assert points.shape == (2, 3, 20)
    assert torch.equal(points[1, 2], feature[1, 2].flatten())


def test_batch_points_are_images():
    feature = torch.arange(2 * 3 * 4 * 5.0).reshape(2, 3, 4, 5)
    points = to_points(feature, 'batch')
    assert points.shape == (1, 2, 60)
    assert torch.equal(points[0, 1], feature[1].flatten())


@pytest.mark.parametrize(
    ('shape', 'channel_dim', 'spatial'),
    [
        ((2, 7), None, (2, 1, 7)),
        ((2, 9, 7), None, (2, 9, 7)),
        ((2, 7, 9), 1, (2, 9, 7)),
        ((2, 3, 3, 7), -1, (2, 9, 7)),
        ((2, 7, 2, 3, 3), None, (2, 18, 7)),
    ],
)
def test_points_of_every_rank(shape, channel_dim, spatial):
    feature = torch.randn(shape)
    points = to_points(feature, 'spatial', channel_dim)
    assert points.shape == spatial
    channels = to_points(feature, 'channel', channel_dim)
    assert torch.equal(channels, points.mT)


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 20), st.integers(1, 3))
def test_groups_hold_every_point_once(targets, sources, max_points, clouds):
    """Point i of either side is in group i mod G, and nowhere else."""
    sides = [
        torch.arange(clouds * n * 2.0).reshape(clouds, n, 2) for n in (targets, sources)
    ]
    parts = list(interleaved_groups(*sides, max_points))
    assert sum(share for _, _, share in parts) == pytest.approx(1)
    for index, side in enumerate(sides):
        rows = torch.cat([part[index].flatten(0, 1) for part in parts])
        assert torch.equal(rows[rows[:, 0].argsort()], side.flatten(0, 1))
    groups = min(-(-max(targets, sources) // max_points), targets, sources)
    if groups > 1:
        for target, source, _ in parts:
            for t, s in zip(target, source, strict=True):
                t_index = t[:, 0] // 2 % targets % groups
                s_index = s[:, 0] // 2 % sources % groups
                assert len({*t_index.tolist(), *s_index.tolist()}) == 1
    if groups == -(-max(targets, sources) // max_points):
        assert all(
            max(target.size(1), source.size(1)) <= max_points
            for target, source, _ in parts
        )


def test_squared_distances():
    x, y = torch.randn(2, 5, 3).double(), torch.randn(2, 4, 3).double()
    expected = (x.unsqueeze(2) - y.unsqueeze(1)).square().sum(-1)
    assert torch.allclose(squared_distances(x, y), expected)


@pytest.fixture(params=[EMDLoss, MMDLoss])
def kind(request):
    return request.param


def test_layout_is_required(kind):
    with pytest.raises(TypeError, match='layout'):
        kind()


def test_unknown_layout(kind):
    with pytest.raises(ValueError, match=r"layout must be one of .* got 'rows'"):
        kind('rows')


def test_bad_max_points(kind):
    with pytest.raises(ValueError, match='`?max_points`? must be at least 1'):
        kind('spatial', max_points=0)


@pytest.mark.parametrize(
    ('layout', 'target', 'source', 'message'),
    [
        (
            'spatial',
            (2, 4, 3, 3),
            (2, 6, 3, 3),
            r'ChannelAligner.*in_channels=4, out_channels=6',
        ),
        ('spatial', (2, 4, 3, 3), (3, 4, 3, 3), 'the batch sizes differ'),
        ('channel', (2, 4, 3, 3), (2, 4, 2, 3), 'the resolutions differ'),
        ('batch', (2, 4, 3, 3), (2, 6, 3, 3), 'ChannelAligner as connector'),
    ],
)
def test_shapes_that_do_not_fit(kind, layout, target, source, message):
    with pytest.raises(ValueError, match=message) as error:
        kind(layout)(torch.zeros(target), torch.zeros(source))
    assert str(target) in str(error.value) and str(source) in str(error.value)


@pytest.mark.parametrize(
    ('layout', 'target', 'source'),
    [
        ('spatial', (2, 4, 3, 3), (2, 4, 2, 2)),
        ('channel', (2, 4, 3, 3), (2, 6, 3, 3)),
        ('spatial', (2, 4, 2, 3, 3), (2, 4, 3, 3)),
        ('batch', (2, 4, 3, 3), (5, 4, 3, 3)),
    ],
)
def test_unequal_counts_of_points(kind, layout, target, source):
    target, source = torch.randn(target, requires_grad=True), torch.randn(source)
    value = kind(layout)(target, source)
    value.backward()
    assert value > 0
    assert target.grad.abs().sum() > 0


def test_mean_over_images(kind):
    target, source = torch.randn(2, 3, 4, 2, 2)
    loss = kind('spatial')
    single = [loss(target[i : i + 1], source[i : i + 1]) for i in range(3)]
    assert torch.allclose(loss(target, source), sum(single) / 3)


def test_gradient_reaches_every_point_of_large_clouds(kind):
    target, source = (torch.randn(2, 4, 9, 9, requires_grad=True) for _ in range(2))
    kind('spatial', max_points=10)(target, source).backward()
    for side in (target, source):
        assert side.grad.abs().sum(1).gt(0).all()


@pytest.mark.parametrize(
    ('loss', 'points'),
    [
        (EMDLoss('spatial', max_points=8), 9),
        (MMDLoss('spatial', max_points=8), 9),
        (EMDLoss('batch', max_points=2), 4),
    ],
)
def test_the_first_split_is_logged_and_no_other(loss, points, monkeypatch):
    said: list = []
    name = 'dynkd.models.methods.dkd.points.print_log'
    monkeypatch.setattr(name, lambda text, **kwargs: said.append((text, kwargs)))
    for side in (2, 3, 3, 4):
        loss(torch.rand(4, 3, side, side), torch.rand(4, 3, side, side))
    ((text, kwargs),) = said
    assert f'{type(loss).__name__}: clouds of {points} and {points} points' in text
    assert f'max_points={loss.max_points}' in text
    assert kwargs['level'] == logging.WARNING


@pytest.mark.parametrize(
    'loss',
    [
        EMDLoss('spatial', max_points=None),
        EMDLoss('spatial', max_points=16),
        EMDLoss('channel', max_points=2),
    ],
)
def test_nothing_is_logged_of_whole_clouds(loss, monkeypatch):
    """Points on a line, which are sorted, are always compared as a whole."""
    said: list = []
    name = 'dynkd.models.methods.dkd.points.print_log'
    monkeypatch.setattr(name, lambda text, **kwargs: said.append(text))
    shape = (4, 3, 4, 4) if loss.layout == 'spatial' else (4, 3)
    loss(torch.rand(shape), torch.rand(shape))
    assert not said
