# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import pytest
import torch
import torch.nn.functional as F

from dynkd.models.methods.dpk.token_blocks import ConvBlocks, TransformerBlocks
from dynkd.models.methods.dpk.token_coders import CoderRecipe


class Same(torch.nn.Module):
    """In the place of position embeddings and blocks."""

    def forward(self, tokens, grid):
        return tokens


def recipe(**changed):
    options = dict(
        transform='transformer',
        embed_dims=8,
        encoder_depth=None,
        decoder_depth=2,
        num_heads=2,
        mlp_ratio=None,
    )
    return CoderRecipe(**{**options, **changed})


def test_depths_and_widths():
    encoder, decoder = (
        getattr(recipe(embed_dims=16, num_heads=None), side)(3, 1, (4, 4))
        for side in ('encoder', 'decoder')
    )
    # The last one is the normalisation.
    assert len(encoder.blocks) == 6 + 1
    assert len(decoder.blocks) == 2 + 1
    assert encoder.blocks[0].self_attn.num_heads == 8
    assert encoder.blocks[0].linear1.out_features == 64
    assert len(recipe(encoder_depth=3).encoder(3, 1, (4, 4)).blocks) == 3 + 1


def test_conv():
    made = recipe(transform='conv', num_heads=None, encoder_depth=3)
    encoder, decoder = made.encoder(3, 1, (4, 4)), made.decoder(3, 1, (4, 4))
    assert isinstance(encoder.blocks, ConvBlocks)
    assert [len(side.blocks.convs) for side in (encoder, decoder)] == [3, 2]


def test_mlp_has_no_encoder_blocks():
    made = recipe(transform='mlp')
    encoder = made.encoder(3, 1, (4, 4))
    assert isinstance(made.decoder(3, 1, (4, 4)).blocks, TransformerBlocks)
    assert not hasattr(encoder, 'blocks') and not hasattr(encoder, 'positions')
    feature = torch.randn(2, 3, 4, 4)
    tokens, grid = encoder(feature)
    weight = encoder.patch_embed.projection.weight.flatten(1)
    hidden = F.linear(
        feature.flatten(2).mT, weight, encoder.patch_embed.projection.bias
    )
    assert grid == (4, 4)
    torch.testing.assert_close(tokens, encoder.mlp[1](F.gelu(hidden)))


@pytest.mark.parametrize('size', [(4, 6), (5, 5), (2, 3), (9, 2)])
def test_patches_are_linear_maps(size):
    encoder = recipe().encoder(3, 2, (2, 3))
    encoder.blocks = encoder.positions = Same()
    feature = torch.randn(2, 3, *size)
    tokens, grid = encoder(feature)
    assert grid == (-(-size[0] // 2), -(-size[1] // 2))
    padded = F.pad(feature, (0, size[1] % 2, 0, size[0] % 2))
    projection = encoder.patch_embed.projection
    for index in range(grid[0] * grid[1]):
        row, column = divmod(index, grid[1])
        patch = padded[:, :, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
        expected = F.linear(
            patch.flatten(1), projection.weight.flatten(1), projection.bias
        )
        torch.testing.assert_close(tokens[:, index], expected)


def test_tokens_become_patches():
    decoder = recipe().decoder(3, 2, (2, 3))
    decoder.blocks = decoder.positions = Same()
    tokens = torch.randn(2, 6, 8)
    whole = decoder(tokens, (2, 3), (4, 6))
    for index in range(6):
        row, column = divmod(index, 3)
        expected = torch.einsum(
            'bd,dcij->bcij', tokens[:, index], decoder.patches.weight
        )
        expected = expected + decoder.patches.bias[:, None, None]
        found = whole[:, :, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
        torch.testing.assert_close(found, expected)
    assert torch.equal(decoder(tokens, (2, 3), (3, 5)), whole[..., :3, :5])


@pytest.mark.parametrize(
    ('changed', 'message'),
    [
        (dict(transform='cnn'), "transform must be one of .* got 'cnn'"),
        (dict(transform='mlp', encoder_depth=1), 'encoder_depth does nothing'),
        (dict(transform='conv'), 'num_heads does nothing'),
        (dict(transform='conv', num_heads=None, mlp_ratio=2.0), 'mlp_ratio does'),
        (dict(embed_dims=9), 'embed_dims=9 is not a multiple of num_heads=2'),
        (dict(embed_dims=0), 'embed_dims must be positive, got 0'),
        (dict(encoder_depth=0), 'encoder_depth must be positive, got 0'),
        (dict(decoder_depth=-1), 'decoder_depth must be positive, got -1'),
        (dict(mlp_ratio=0.0), 'mlp_ratio must be positive'),
    ],
)
def test_bad_arguments(changed, message):
    with pytest.raises(ValueError, match=message):
        recipe(**changed)
