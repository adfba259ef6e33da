# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dynkd.models.methods.baselines import HCLLoss, ReviewFusion


def pooled(image: torch.Tensor, side: int) -> torch.Tensor:
    """Adaptive average pooling of one map, cell by cell."""
    height, width = image.shape
    found = torch.zeros(side, side, dtype=image.dtype)
    for row in range(side):
        for column in range(side):
            top, bottom = row * height // side, -(-(row + 1) * height // side)
            left, right = column * width // side, -(-(column + 1) * width // side)
            found[row, column] = image[top:bottom, left:right].mean()
    return found


@pytest.mark.parametrize(
    'side, levels', [(8, [4, 2, 1]), (4, [2, 1]), (3, [2, 1]), (1, [])]
)
def test_is_the_hierarchical_context_loss(agrees, side, levels, features):
    target, source = features(2, 3, side, side)
    maps = list(zip(target.flatten(0, 1), source.flatten(0, 1)))
    weight, total = 1.0, 1.0
    expected = sum(((t - s) ** 2).mean().item() for t, s in maps) / len(maps)
    for level in levels:
        weight /= 2
        gaps = [((pooled(t, level) - pooled(s, level)) ** 2).mean() for t, s in maps]
        expected += weight * sum(gap.item() for gap in gaps) / len(maps)
        total += weight
    agrees('HCLLoss', HCLLoss()(target, source).item(), expected / total)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**31), st.floats(0.1, 9))
def test_symmetric_zero_at_equality_and_scaling(features, seed, factor):
    target, source = features(2, 3, 5, 5, seed=seed)
    loss = HCLLoss()
    value = loss(target, source)
    assert value > 0
    assert torch.allclose(loss(source, target), value)
    assert loss(target, target) == 0
    assert torch.allclose(loss(factor * target, factor * source), factor**2 * value)


def test_gradcheck(features):
    pair = [side.requires_grad_() for side in features(1, 2, 3, 3)]
    assert torch.autograd.gradcheck(HCLLoss(), pair)


@pytest.mark.parametrize(
    ('target', 'source', 'message'),
    [
        ((2, 4, 3, 3), (2, 4, 6, 6), 'choose taps of the same resolution'),
        ((2, 4), (2, 4), 'they must be maps'),
    ],
)
def test_shapes_that_do_not_fit(target, source, message):
    with pytest.raises(ValueError, match=message):
        HCLLoss()(torch.zeros(target), torch.zeros(source))


def stages() -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    shapes = [(2, 4, 8, 8), (2, 6, 4, 4), (2, 8, 2, 2)]
    return [torch.randn(shape, generator=generator) for shape in shapes]


def test_maps_have_the_teachers_channels_and_the_students_resolutions():
    fusion = ReviewFusion([4, 6, 8], [5, 7, 9], mid_channels=3)
    shapes = [tuple(own.shape) for own in fusion(stages())]
    assert shapes == [(2, 5, 8, 8), (2, 7, 4, 4), (2, 9, 2, 2)]


def test_fuses_stage_by_stage():
    fusion = ReviewFusion([4, 6, 8], [5, 7, 9], mid_channels=3).eval()
    first, second, third = fusion.blocks
    maps = stages()
    passed = third.inner(maps[2])
    expected = [third.outer(passed)]
    for block, stage in ((second, maps[1]), (first, maps[0])):
        own = block.inner(stage)
        # Nearest: each value is repeated twice in both directions.
        deeper = passed.repeat_interleave(2, 2).repeat_interleave(2, 3)
        weights = block.attention(torch.cat([own, deeper], 1)).sigmoid()
        passed = own * weights[:, [0]] + deeper * weights[:, [1]]
        expected.insert(0, block.outer(passed))
    for found, own in zip(fusion(maps), expected):
        torch.testing.assert_close(found, own)


@pytest.mark.parametrize('stage', [0, 1, 2])
def test_a_stage_reaches_its_own_map_and_all_shallower_ones(stage):
    fusion = ReviewFusion([4, 6, 8], [5, 7, 9], mid_channels=3).eval()
    maps = stages()
    maps[stage].requires_grad_()
    reached = []
    for own in fusion(maps):
        gradient = torch.autograd.grad(
            own.sum(), maps[stage], retain_graph=True, allow_unused=True
        )[0]
        reached.append(gradient is not None and bool(gradient.any()))
    assert reached == [index <= stage for index in range(3)]


def test_other_stages():
    with pytest.raises(ValueError, match='must have an item for each stage'):
        ReviewFusion([4], [5, 6])
    with pytest.raises(ValueError, match=r'got 2 stage\(s\), but is for 3'):
        ReviewFusion([4, 6, 8], [5, 7, 9])(stages()[:2])
    with pytest.raises(ValueError, match=r'got 1 stage\(s\), but is for 3'):
        ReviewFusion([4, 6, 8], [5, 7, 9])(stages()[0])


def test_a_student_of_one_stage():
    fusion = ReviewFusion([4], [6], 8)
    (one,) = fusion(torch.randn(2, 4, 8, 8))
    assert one.shape == (2, 6, 8, 8)
