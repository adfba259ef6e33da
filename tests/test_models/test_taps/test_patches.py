# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import pytest
import torch
from torch import nn

from dynkd.models.taps import PatchTap, Tap, as_map, find_patch_embed, patch_grid


@pytest.mark.parametrize(
    ('output', 'grid'),
    [
        ((torch.zeros(2, 6, 4), (2, 3)), (2, 3)),
        ([torch.zeros(2, 6, 4), torch.Size([2, 3])], (2, 3)),
        ((torch.zeros(2, 12, 4), (2, 2, 3)), None),  # tubes of a clip
        ((torch.zeros(2, 6, 4),), None),
        ((torch.zeros(2, 6, 4), torch.zeros(2, 6, 4)), None),
        (torch.zeros(2, 6, 4), None),
        (None, None),
    ],
)
def test_the_grid_is_what_makes_the_patches_says(output, grid):
    assert patch_grid(output) == grid


@pytest.mark.parametrize('extra', [0, 1, 8])
def test_tokens_before_the_patches_are_left_out(extra):
    tokens = torch.randn(2, extra + 6, 4)
    found = as_map(tokens, (2, 3))
    assert found.shape == (2, 4, 2, 3)
    for row in range(2):
        for column in range(3):
            expected = tokens[:, extra + 3 * row + column]
            assert torch.equal(found[:, :, row, column], expected)


@pytest.mark.parametrize('shape', [(2, 5, 4), (2, 15, 4), (2, 6), (2, 4, 2, 3)])
def test_other_tokens_and_features_stay(shape):
    feature = torch.randn(shape)
    assert as_map(feature, (2, 3)) is feature
    assert as_map(feature, None) is feature
    assert as_map([feature], (2, 3)) == [feature]


def model(**parts: nn.Module) -> nn.Module:
    found = nn.Module()
    found.backbone = nn.Module()
    for name, part in parts.items():
        setattr(found.backbone, name, part)
    return found


def test_patches_are_made_in_the_backbone():
    own = model(patch_embed=nn.Identity())
    assert find_patch_embed(own) == 'backbone.patch_embed'
    tap = PatchTap.beside(Tap.parse('teacher.backbone.layers.3'), own)
    assert str(tap) == 'teacher.backbone.patch_embed'
    assert PatchTap.beside(Tap.parse('teacher.head'), own) is None
    for other in (model(), nn.Module()):
        assert find_patch_embed(other) is None
        assert PatchTap.beside(Tap.parse('teacher.backbone'), other) is None
