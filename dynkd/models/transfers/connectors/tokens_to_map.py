# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""From the tokens of a Vision Transformer to a feature map."""

import math
from typing import Optional

from mmengine.model import BaseModule
from torch import Tensor

from dynkd.models.taps import lay_out
from dynkd.registry import MODELS

#: A Vision Transformer has a class token, and a distilled one (DeiT) another.
MOST_EXTRA = 2


@MODELS.register_module()
class TokensToMap(BaseModule):
    """Lays the tokens of a Vision Transformer out as a feature map.

    For losses and connectors that need maps, after a tap such as
    ``'student.backbone.layers.11'``. Where the backbone's ``patch_embed`` says how many
    rows and columns of patches it makes, a transfer lays tokens out by itself
    (:class:`~dynkd.models.transfers.token_maps.TokenMaps`), and needs no such
    connector.

    Args:
        extra_tokens (int, optional): Number of tokens before those of the patches,
            which are left out: a class token, a distillation token. Defaults to None:
            those that the grid does not need, at most 2.
        grid_size (tuple[int, int], optional): Rows and columns of patches. Defaults to
            None: as many rows as columns, as many as fit.

    Raises:
        ValueError: In the forward pass, if there are no tokens, or not as many as the
            grid has patches.
    """

    def __init__(
        self,
        extra_tokens: Optional[int] = None,
        grid_size: Optional[tuple[int, int]] = None,
    ) -> None:
        super().__init__()
        if extra_tokens is not None and extra_tokens < 0:
            raise ValueError(
                f'TokensToMap: extra_tokens must be 0 or more, got {extra_tokens}'
            )
        self.extra_tokens = extra_tokens
        self.grid_size = grid_size

    def forward(self, tokens: Tensor) -> Tensor:
        """Lay tokens out.

        Args:
            tokens (Tensor): Tokens, shape (B, extra_tokens + rows * columns, C), the
                patches row by row.

        Returns:
            Tensor: A map, shape (B, C, rows, columns).
        """
        shape = tuple(tokens.shape)
        if tokens.dim() != 3:
            raise ValueError(f'TokensToMap: tokens are (B, N, C), got shape {shape}')
        extra, rows, columns = self._layout(shape[1])
        count = shape[1] - extra
        if count < 1 or rows * columns != count:
            raise ValueError(
                f'TokensToMap: of {shape[1]} tokens {extra} are extra, and the others '
                f'are not a grid of {rows} x {columns}; set extra_tokens to the number '
                'of class and distillation tokens, or grid_size'
            )
        return lay_out(tokens, (rows, columns))

    def _layout(self, tokens: int) -> tuple[int, int, int]:
        """The number of extra tokens, and of rows and columns of patches."""
        given = self.extra_tokens or 0
        side = math.isqrt(max(tokens - given, 0))
        rows, columns = self.grid_size or (side, side)
        if self.extra_tokens is None and 0 <= tokens - rows * columns <= MOST_EXTRA:
            given = tokens - rows * columns
        return given, rows, columns
