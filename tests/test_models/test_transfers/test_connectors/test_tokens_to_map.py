# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import pytest
import torch

from dynkd.models.transfers.connectors import TokensToMap
from dynkd.registry import MODELS


@pytest.mark.parametrize(
    ('extra', 'grid'), [(0, (3, 3)), (1, (3, 3)), (2, (2, 5)), (1, (1, 4))]
)
def test_lays_patches_out_row_by_row(extra, grid):
    feature = torch.randn(2, extra + grid[0] * grid[1], 4)
    options = {} if grid == (3, 3) else dict(grid_size=grid)
    connector = MODELS.build(dict(type='TokensToMap', extra_tokens=extra, **options))
    found = connector(feature)
    assert found.shape == (2, 4, *grid)
    for row in range(grid[0]):
        for column in range(grid[1]):
            expected = feature[:, extra + row * grid[1] + column]
            assert torch.equal(found[:, :, row, column], expected)


@pytest.mark.parametrize(
    ('options', 'shape', 'message'),
    [
        (dict(extra_tokens=1), (2, 9, 4), 'of 9 tokens 1 are extra'),
        (dict(grid_size=(2, 3)), (2, 9, 4), 'not a grid of 2 x 3'),
        (dict(extra_tokens=1), (2, 1, 4), 'of 1 tokens 1 are extra'),
        ({}, (2, 15, 4), 'of 15 tokens 0 are extra.*3 x 3'),
        (dict(grid_size=(2, 3)), (2, 5, 4), 'of 5 tokens 0 are extra'),
        ({}, (2, 4), r'tokens are \(B, N, C\), got shape \(2, 4\)'),
    ],
)
def test_features_that_do_not_fit(options, shape, message):
    with pytest.raises(ValueError, match=message):
        TokensToMap(**options)(torch.zeros(shape))


@pytest.mark.parametrize('extra', [0, 1, 2])
@pytest.mark.parametrize('grid', [None, (2, 8)])
def test_it_finds_the_extra_tokens_by_itself(extra, grid):
    feature = torch.randn(2, extra + 16, 4)
    found = TokensToMap(grid_size=grid)(feature)
    expected = TokensToMap(extra_tokens=extra, grid_size=grid)(feature)
    assert torch.equal(found, expected) and found.shape[2:] == (grid or (4, 4))


def test_bad_argument():
    with pytest.raises(ValueError, match='must be 0 or more, got -1'):
        TokensToMap(extra_tokens=-1)
