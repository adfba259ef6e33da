# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""From a feature map to tokens and back: the encoders and the decoder of DPK.

The transformation modules of `Better Teacher Better Student: Dynamic Prior Knowledge
for Knowledge Distillation <https://arxiv.org/abs/2206.06067>`_, Sec. A.2.
"""

from dataclasses import dataclass
from typing import Optional

from mmcv.cnn.bricks.transformer import PatchEmbed
from torch import Tensor, nn

from .token_blocks import ConvBlocks, Grid, PositionEmbedding, TransformerBlocks

#: What encoders and decoders may be made of.
TRANSFORMS = ('transformer', 'mlp', 'conv')
#: Defaults: blocks of an encoder, heads of its attention, width of its MLPs.
_ENCODER_DEPTH, _NUM_HEADS, _MLP_RATIO = 6, 8, 4.0


class TokenEncoder(nn.Module):
    """From a feature map to tokens: patches, position embeddings, blocks.

    Without blocks it is the layer that aligns the dimensions in ``Decoder`` of Sec.
    A.2: an MLP with the patch embedding as its hidden layer (ours) and no position
    embeddings, which the decoder adds.

    Args:
        in_channels (int): Channels of the map.
        embed_dims (int): Length of the tokens.
        patch_size (int): Side of a patch.
        grid_size (tuple[int, int]): Grid of the position embeddings.
        blocks (nn.Module, optional): The blocks. Defaults to None.
    """

    def __init__(
        self,
        in_channels: int,
        embed_dims: int,
        patch_size: int,
        grid_size: Grid,
        blocks: Optional[nn.Module] = None,
    ) -> None:
        super().__init__()
        # Pads at the right and the bottom what is not a multiple of the patch.
        self.patch_embed = PatchEmbed(
            in_channels, embed_dims, kernel_size=patch_size, stride=patch_size
        )
        if blocks is None:
            self.mlp = nn.Sequential(nn.GELU(), nn.Linear(embed_dims, embed_dims))
        else:
            self.positions = PositionEmbedding(embed_dims, grid_size)
            self.blocks = blocks

    def forward(self, feature: Tensor) -> tuple[Tensor, Grid]:
        """Encode a map.

        Args:
            feature (Tensor): Map of shape (B, C, H, W).

        Returns:
            tuple[Tensor, tuple[int, int]]: Tokens of shape (B, N, d), and the rows and
            columns of their patches.
        """
        tokens, grid = self.patch_embed(feature)
        if hasattr(self, 'mlp'):
            return self.mlp(tokens), grid
        return self.blocks(self.positions(tokens, grid), grid), grid


class TokenDecoder(nn.Module):
    """From tokens to a feature map: position embeddings, blocks, patches.

    Args:
        out_channels (int): Channels of the map.
        embed_dims (int): Length of the tokens.
        patch_size (int): Side of a patch.
        grid_size (tuple[int, int]): Grid of the position embeddings.
        blocks (nn.Module): The blocks.
    """

    def __init__(
        self,
        out_channels: int,
        embed_dims: int,
        patch_size: int,
        grid_size: Grid,
        blocks: nn.Module,
    ) -> None:
        super().__init__()
        self.patch_size = patch_size
        self.positions = PositionEmbedding(embed_dims, grid_size)
        self.blocks = blocks
        # A linear layer from each token to the values of its patch.
        self.patches = nn.ConvTranspose2d(
            embed_dims, out_channels, patch_size, stride=patch_size
        )

    def forward(self, tokens: Tensor, grid: Grid, size: tuple[int, int]) -> Tensor:
        """Decode tokens.

        Args:
            tokens (Tensor): Tokens of shape (B, N, d).
            grid (tuple[int, int]): Rows and columns of their patches.
            size (tuple[int, int]): Height and width of the map; what the patches cover
                beyond, at the right and the bottom, is cut off.

        Returns:
            Tensor: Map of shape (B, C, H, W).
        """
        tokens = self.blocks(self.positions(tokens, grid), grid)
        feature = self.patches(tokens.transpose(1, 2).unflatten(2, grid))
        return feature[..., : size[0], : size[1]]


@dataclass(frozen=True)
class CoderRecipe:
    """What the encoders and decoders of all levels have in common.

    Args:
        transform (str): ``'transformer'``, ``'conv'``, or ``'mlp'``: a transformer in
            the decoder, no blocks in the encoder.
        embed_dims (int): Length of the tokens.
        encoder_depth (int, optional): Blocks of an encoder; None for 6, and for none
            with ``'mlp'``.
        decoder_depth (int): Blocks of a decoder.
        num_heads (int, optional): Heads of a transformer's attention; None for 8.
        mlp_ratio (float, optional): Width of a transformer's MLPs relative to the
            tokens; None for 4.

    Raises:
        ValueError: If an argument is out of its range, or would do nothing.
    """

    transform: str
    embed_dims: int
    encoder_depth: Optional[int]
    decoder_depth: int
    num_heads: Optional[int]
    mlp_ratio: Optional[float]

    def __post_init__(self) -> None:
        if self.transform not in TRANSFORMS:
            raise ValueError(
                f'PriorKnowledge: transform must be one of {TRANSFORMS}, got '
                f'{self.transform!r}'
            )
        unused = dict(mlp=['encoder_depth'], conv=['num_heads', 'mlp_ratio'])
        for name in unused.get(self.transform, []):
            if getattr(self, name) is not None:
                raise ValueError(
                    f'PriorKnowledge: {name} does nothing with '
                    f'transform={self.transform!r}; leave it out'
                )
        for name in vars(self):
            value = getattr(self, name)
            if name != 'transform' and value is not None and value <= 0:
                raise ValueError(
                    f'PriorKnowledge: {name} must be positive, got {value}'
                )
        if self.transform != 'conv' and self.embed_dims % self._heads:
            raise ValueError(
                f'PriorKnowledge: embed_dims={self.embed_dims} is not a multiple of '
                f'num_heads={self._heads}'
            )

    @property
    def _heads(self) -> int:
        return _NUM_HEADS if self.num_heads is None else self.num_heads

    def _blocks(self, depth: int) -> nn.Module:
        if self.transform == 'conv':
            return ConvBlocks(self.embed_dims, depth)
        ratio = _MLP_RATIO if self.mlp_ratio is None else self.mlp_ratio
        return TransformerBlocks(self.embed_dims, depth, self._heads, ratio)

    def encoder(self, channels: int, patch_size: int, grid_size: Grid) -> TokenEncoder:
        """Build an encoder.

        Args:
            channels (int): Channels of the map.
            patch_size (int): Side of a patch.
            grid_size (tuple[int, int]): Grid of the position embeddings.

        Returns:
            TokenEncoder: The encoder.
        """
        depth = _ENCODER_DEPTH if self.encoder_depth is None else self.encoder_depth
        blocks = None if self.transform == 'mlp' else self._blocks(depth)
        return TokenEncoder(channels, self.embed_dims, patch_size, grid_size, blocks)

    def decoder(self, channels: int, patch_size: int, grid_size: Grid) -> TokenDecoder:
        """Build a decoder.

        Args:
            channels (int): Channels of the map.
            patch_size (int): Side of a patch.
            grid_size (tuple[int, int]): Grid of the position embeddings.

        Returns:
            TokenDecoder: The decoder.
        """
        blocks = self._blocks(self.decoder_depth)
        return TokenDecoder(channels, self.embed_dims, patch_size, grid_size, blocks)
