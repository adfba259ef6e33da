# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import pytest
import torch
import torch.nn.functional as F

from dynkd.models.methods.dpk.token_blocks import (
    ConvBlocks,
    PositionEmbedding,
    TransformerBlocks,
)


def slow_transformer(blocks, tokens, heads):
    """Pre-norm blocks as Sec. A.2 describes them, of the weights of torch's."""
    for block in list(blocks)[:-1]:
        attention = block.self_attn
        x = block.norm1(tokens)
        parts = F.linear(x, attention.in_proj_weight, attention.in_proj_bias)
        q, k, v = (
            part.unflatten(2, (heads, -1)).transpose(1, 2) for part in parts.chunk(3, 2)
        )
        scores = q @ k.mT / q.size(-1) ** 0.5
        mixed = (scores.softmax(-1) @ v).transpose(1, 2).flatten(2)
        tokens = tokens + attention.out_proj(mixed)
        tokens = tokens + block.linear2(F.gelu(block.linear1(block.norm2(tokens))))
    return blocks[-1](tokens)


@pytest.mark.parametrize('training', [True, False])
def test_transformer_blocks(training):
    blocks = TransformerBlocks(12, depth=2, num_heads=3, mlp_ratio=2.5).train(training)
    assert blocks[0].linear1.out_features == 30
    tokens = torch.randn(2, 6, 12)
    with torch.set_grad_enabled(training):
        found = blocks(tokens, (2, 3))
    torch.testing.assert_close(found, slow_transformer(blocks, tokens, 3))


def test_blocks_begin_differently():
    first, second, _ = TransformerBlocks(8, depth=2, num_heads=2, mlp_ratio=4)
    assert not torch.equal(first.linear1.weight, second.linear1.weight)


def test_positions_of_the_own_grid():
    positions = PositionEmbedding(4, (2, 3))
    assert 0.01 < positions.vectors.std() < 0.03
    tokens = torch.randn(5, 6, 4)
    assert torch.equal(positions(tokens, (2, 3)), tokens + positions.vectors)


@pytest.mark.parametrize('grid', [(4, 6), (3, 2), (1, 1), (20, 11)])
def test_positions_of_another_grid(grid):
    positions = PositionEmbedding(2, (2, 3))
    # One vector tells the row, one the column.
    rows, columns = torch.meshgrid(torch.arange(2.0), torch.arange(3.0), indexing='ij')
    positions.vectors.data = torch.stack((rows, columns), -1).flatten(0, 1)[None]
    found = positions(torch.zeros(1, grid[0] * grid[1], 2), grid)
    found = found.unflatten(1, grid)[0]
    assert torch.allclose(found[:, :1, 0].expand(grid), found[..., 0], atol=1e-5)
    assert torch.allclose(found[:1, :, 1].expand(grid), found[..., 1], atol=1e-5)
    assert (found[:, 0, 0].diff() > -0.1).all()
    assert found[..., 0].mean().item() == pytest.approx(0.5, abs=1e-4)
    assert found[..., 1].mean().item() == pytest.approx(1.0, abs=1e-4)


def test_positions_learn_at_any_grid():
    positions = PositionEmbedding(4, (2, 3))
    positions(torch.zeros(1, 20, 4), (4, 5)).sum().backward()
    assert (positions.vectors.grad > 0).all()


def test_conv_blocks():
    blocks, grid = ConvBlocks(6, depth=2), (3, 4)
    tokens = torch.randn(2, 12, 6)
    feature = tokens.mT.reshape(2, 6, *grid)
    for conv in blocks.convs:
        normal = F.group_norm(feature, 1, conv.gn.weight, conv.gn.bias)
        feature = feature + F.conv2d(normal.relu(), conv.conv.weight, padding=1)
    pooled = blocks.fc(feature.mean((2, 3)))
    expected = (feature + pooled[..., None, None]).flatten(2).mT
    torch.testing.assert_close(blocks(tokens, grid), expected)


def test_conv_blocks_know_of_all_positions():
    blocks = ConvBlocks(6, depth=1)
    tokens = torch.randn(1, 64, 6, requires_grad=True)
    blocks(tokens, (8, 8))[0, 0].sum().backward()
    assert (tokens.grad.abs().sum(2) > 0).all()
