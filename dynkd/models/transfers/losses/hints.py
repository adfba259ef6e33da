# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What helps where two sides cannot be compared, for error messages."""

import math

from torch import Tensor


def connector_hint(target: Tensor, own: int, other: int) -> str:
    """How to make two channel counts equal, for error messages.

    Args:
        target (Tensor): What learns.
        own (int): Its channels.
        other (int): Channels of what is learned from.

    Returns:
        str: The remedy.
    """
    # A convolution for maps and clips, a linear layer for vectors and tokens.
    dims = target.dim() - 2 if target.dim() > 3 else 0
    rank = '' if dims == 2 else f', dims={dims}'
    return (
        'a connector makes the channels equal, for example '
        f"target_connector=dict(type='ChannelAligner', in_channels={own}, "
        f'out_channels={other}{rank})'
    )


def rank_hint(target: Tensor, source: Tensor) -> str:
    """What helps where one side is a map and the other is not, for error messages.

    Args:
        target (Tensor): What learns.
        source (Tensor): What is learned from.

    Returns:
        str: The remedy; empty for sides of the same rank, and for other ranks.
    """
    ranks = target.dim(), source.dim()
    if sorted(ranks) == [3, 4]:
        side, tokens = ('target', target) if ranks[0] == 3 else ('source', source)
        return (
            f'the {side} are tokens (B, L, C), the other side a map (B, C, H, W): '
            f'{side}_connector={tokens_hint(tokens)} lays them out as a map'
        )
    if sorted(ranks) == [4, 5]:
        return (
            'one side is of frames, (batch x frames, C, H, W), the other of clips, '
            '(B, C, T, H, W), whose features do not correspond one to one: compare '
            'what both have for a clip, the class scores (`cls_head`), or take two '
            'models of frames, or two of clips'
        )
    return ''


def tokens_hint(tokens: Tensor) -> str:
    """The config of the connector that lays tokens out as a map, for error messages.

    Args:
        tokens (Tensor): The tokens, shape (B, L, C).

    Returns:
        str: The config.
    """
    extra = tokens.size(1) - math.isqrt(tokens.size(1)) ** 2
    # A class token, a distillation token, a few registers; else the grid is no square.
    more = f', extra_tokens={extra}' if extra <= 8 else ', grid_size=(rows, columns)'
    return f"dict(type='TokensToMap'{more if extra else ''})"


def resizing_hint(target: Tensor, source: Tensor) -> str:
    """How to compare maps of unequal resolutions.

    Args:
        target (Tensor): What learns.
        source (Tensor): What is learned from.

    Returns:
        str: The words; empty where the sides are not maps, or differ otherwise.
    """
    maps = target.dim() == source.dim() == 4
    if not maps or target.shape[:2] != source.shape[:2]:
        return ''
    return "; a connector=dict(type='ResolutionAligner') resizes the target's"
