# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dynkd.models.methods.dpk.patch_masks import (
    _block,
    block_mask,
    grid_mask,
    random_mask,
)

GRIDS = st.tuples(st.integers(1, 16), st.integers(1, 16))


@pytest.mark.parametrize('draw', [random_mask, block_mask])
@settings(deadline=None, max_examples=40)
@given(GRIDS, st.floats(0, 1, width=32), st.integers(1, 4))
def test_as_many_as_the_ratio_asks_for(draw, grid, ratio, batch):
    ratio = torch.tensor(ratio)
    mask = draw(ratio, batch, grid)
    patches = grid[0] * grid[1]
    assert mask.shape == (batch, patches)
    assert mask.dtype == torch.bool
    counts = mask.sum(1)
    assert (counts == counts[0]).all()
    # Halves are rounded in the ratio's precision.
    assert abs(counts[0].item() - ratio.item() * patches) <= 0.5 + 1e-4


@pytest.mark.parametrize('draw', [random_mask, block_mask])
@pytest.mark.parametrize(('ratio', 'share'), [(0.0, 0.0), (1.0, 1.0)])
def test_none_and_all(draw, ratio, share):
    assert draw(torch.tensor(ratio), 3, (4, 5)).float().mean() == share


@pytest.mark.parametrize('draw', [random_mask, block_mask])
def test_samples_differ_and_a_seed_repeats_them(draw):
    ratio = torch.tensor(0.5)
    torch.manual_seed(1)
    first = draw(ratio, 4, (6, 6))
    assert len(first.unique(dim=0)) == 4
    assert not torch.equal(draw(ratio, 4, (6, 6)), first)
    torch.manual_seed(1)
    assert torch.equal(draw(ratio, 4, (6, 6)), first)


def test_random_positions_are_equally_likely():
    count = 8000
    masks = random_mask(torch.tensor(0.4), count, (2, 5))
    error = (0.4 * 0.6 / count) ** 0.5
    assert (masks.float().mean(0) - 0.4).abs().max() < 4 * error
    # All pairs too: 4 of 10 without replacement.
    both = (masks[:, 0] & masks[:, 7]).float().mean()
    assert abs(both - 4 / 10 * 3 / 9) < 4 * error


def neighbours(mask, grid):
    """Share of neighbouring patches with equal fate."""
    mask = mask.view(-1, *grid)
    return (mask[:, 1:] == mask[:, :-1]).float().mean()


def test_blocks_hang_together():
    grid, ratio = (14, 14), torch.tensor(0.4)
    scattered = neighbours(random_mask(ratio, 50, grid), grid)
    assert abs(scattered - (0.4**2 + 0.6**2)) < 0.03
    assert neighbours(block_mask(ratio, 50, grid), grid) > 0.8


def test_blocks_have_the_areas_and_aspect_ratios_of_beit():
    rng, grid, left = np.random.default_rng(0), (40, 40), 600
    shapes = []
    for _ in range(2000):
        rows, columns = _block(left, grid, rng)
        assert 0 <= rows.start < rows.stop <= 40 and 0 <= columns.start < columns.stop
        shapes.append((rows.stop - rows.start, columns.stop - columns.start))
    shapes = np.array(shapes)
    areas, aspects = shapes.prod(1), shapes[:, 0] / shapes[:, 1]
    least = 16 / 196 * 1600
    # Sides are rounded, by up to half a patch of 6 or more.
    assert least * 0.9 < areas.min() < least * 1.1
    assert left * 0.9 < areas.max() < left * 1.1
    assert abs(areas.mean() - (least + left) / 2) < 10
    assert 0.3 * 0.85 < aspects.min() < 0.35 and 2.9 < aspects.max() < 1 / 0.3 / 0.85
    assert abs(np.log(aspects).mean()) < 0.05


@pytest.mark.parametrize(('grid', 'kept'), [((4, 4), 4), ((7, 7), 16), ((2, 6), 3)])
def test_grid_keeps_one_of_every_four(grid, kept):
    mask = grid_mask(torch.tensor(0.75), 3, grid)
    assert mask.shape == (3, grid[0] * grid[1])
    assert (~mask).sum(1).tolist() == [kept] * 3
    cells = (~mask).view(3, *grid)[:, : grid[0] // 2 * 2, : grid[1] // 2 * 2]
    cells = cells.unfold(1, 2, 2).unfold(2, 2, 2).sum((3, 4))
    assert (cells == 1).all()
