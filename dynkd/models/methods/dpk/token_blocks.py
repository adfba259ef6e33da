# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What the encoders and decoders of DPK are made of.

`Better Teacher Better Student: Dynamic Prior Knowledge for Knowledge Distillation
<https://arxiv.org/abs/2206.06067>`_, Sec. A.2.
"""

import torch
import torch.nn.functional as F
from mmcv.cnn import ConvModule
from torch import Tensor, nn

#: Rows and columns of a grid of patches.
Grid = tuple[int, int]


class PositionEmbedding(nn.Module):
    """A learned vector for each patch, counted row by row, that is added to its token.

    For a grid of another size than ``grid_size``, the vectors are laid out as a map and
    interpolated bicubically, as Vision Transformers do for images of another size.

    Args:
        embed_dims (int): Length of the vectors.
        grid_size (tuple[int, int]): Rows and columns of patches with a vector each.
    """

    def __init__(self, embed_dims: int, grid_size: Grid) -> None:
        super().__init__()
        self.grid_size = grid_size
        self.vectors = nn.Parameter(
            torch.empty(1, grid_size[0] * grid_size[1], embed_dims)
        )
        nn.init.trunc_normal_(self.vectors, std=0.02)

    def forward(self, tokens: Tensor, grid: Grid) -> Tensor:
        """Add the vectors.

        Args:
            tokens (Tensor): Tokens of shape (B, N, d).
            grid (tuple[int, int]): Rows and columns, whose product is N.

        Returns:
            Tensor: The sums, shape (B, N, d).
        """
        vectors: Tensor = self.vectors
        if tuple(grid) != self.grid_size:
            table = vectors.transpose(1, 2).unflatten(2, self.grid_size)
            table = F.interpolate(table, grid, mode='bicubic', align_corners=False)
            vectors = table.flatten(2).transpose(1, 2)
        return tokens + vectors


class TransformerBlocks(nn.Sequential):
    """Pre-norm transformer blocks and a last layer normalisation, as in ViT.

    Args:
        embed_dims (int): Length of the tokens.
        depth (int): Number of blocks.
        num_heads (int): Heads of the attention.
        mlp_ratio (float): Width of the MLPs' hidden layer relative to the tokens'.
    """

    def __init__(
        self, embed_dims: int, depth: int, num_heads: int, mlp_ratio: float
    ) -> None:
        blocks = [
            nn.TransformerEncoderLayer(
                embed_dims,
                num_heads,
                dim_feedforward=int(mlp_ratio * embed_dims),
                dropout=0.0,
                activation='gelu',
                batch_first=True,
                norm_first=True,
            )
            for _ in range(depth)
        ]
        super().__init__(*blocks, nn.LayerNorm(embed_dims))

    def forward(  # type: ignore[override]  # its blocks need the grid
        self, tokens: Tensor, grid: Grid
    ) -> Tensor:
        """Process tokens.

        Args:
            tokens (Tensor): Tokens of shape (B, N, d).
            grid (tuple[int, int]): Not used: attention knows no neighbours.

        Returns:
            Tensor: Tokens of shape (B, N, d).
        """
        return super().forward(tokens)


class ConvBlocks(nn.Module):
    """Several 3x3 convolutions, a pooling layer and a fully connected layer: ``Conv``
    of Sec. A.2.

    How they are put together is ours. Each convolution is a residual block, after a
    group normalisation with one group and a ReLU. What the pooling layer, over all
    positions, and the fully connected layer make of their result is added to every
    position, so that each knows of all others, as with attention.

    Args:
        embed_dims (int): Channels.
        depth (int): Number of convolutions.
    """

    def __init__(self, embed_dims: int, depth: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            ConvModule(
                embed_dims,
                embed_dims,
                3,
                padding=1,
                norm_cfg=dict(type='GN', num_groups=1),
                order=('norm', 'act', 'conv'),
                inplace=False,
            )
            for _ in range(depth)
        )
        self.fc = nn.Linear(embed_dims, embed_dims)

    def forward(self, tokens: Tensor, grid: Grid) -> Tensor:
        """Process tokens as a map.

        Args:
            tokens (Tensor): Tokens of shape (B, N, d).
            grid (tuple[int, int]): Rows and columns, whose product is N.

        Returns:
            Tensor: Tokens of shape (B, N, d).
        """
        feature = tokens.transpose(1, 2).unflatten(2, grid)
        for conv in self.convs:
            feature = feature + conv(feature)
        tokens = feature.flatten(2).transpose(1, 2)
        return tokens + self.fc(tokens.mean(1, keepdim=True))
