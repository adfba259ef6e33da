# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Which patches of a feature are replaced: random, block-wise and grid-wise masks.

The mask strategies of Table 6 of `Better Teacher Better Student: Dynamic Prior
Knowledge for Knowledge Distillation <https://arxiv.org/abs/2206.06067>`_. Each function
takes the ratio (Tensor, a scalar in [0, 1]), the batch size and the grid of patches
(rows, columns), and returns a mask of shape (B, rows * columns), True where a patch is
replaced.
"""

import math

import numpy as np
import torch
from torch import Tensor

#: Share of the patches that a block-wise mask's blocks have at least: BEiT's 16 of 196.
_LEAST_BLOCK = 16 / 196
#: Least aspect ratio of a block; the greatest is its inverse. BEiT's.
_ASPECT = 0.3
#: Blocks in a row that may hit nothing new. BEiT's.
_ATTEMPTS = 10
#: The share that a grid-wise mask replaces where both sides are even.
GRID_RATIO = 0.75


def random_mask(ratio: Tensor, batch: int, grid: tuple[int, int]) -> Tensor:
    """A random subset of the patches, of the size that the ratio asks for.

    Args:
        ratio (Tensor): Share of the patches, rounded to the nearest number of them.
        batch (int): Samples, each with patches of its own.
        grid (tuple[int, int]): Rows and columns of patches.

    Returns:
        Tensor: The mask, of shape (B, N), on the ratio's device.
    """
    noise = torch.rand(batch, grid[0] * grid[1], device=ratio.device)
    # Ranks, compared with a number that stays on the device.
    return noise.argsort(1).argsort(1) < _count(ratio, grid)


def block_mask(ratio: Tensor, batch: int, grid: tuple[int, int]) -> Tensor:
    """Rectangles, added until they cover as many patches as the ratio asks for.

    As in `BEiT <https://arxiv.org/abs/2106.08254>`_ (Algorithm 1, and its released
    code for the ranges): the area of a block is drawn between 16/196 of the grid and
    what is left to cover, its aspect ratio log-uniformly in [0.3, 1/0.3]. The last
    block is cut where it would cover too much, so that all samples have the same number
    of patches (ours); 10 blocks without a new patch are followed by a single one at a
    random place that is free (ours).

    Args:
        ratio (Tensor): Share of the patches, rounded to the nearest number of them.
        batch (int): Samples, each with blocks of its own.
        grid (tuple[int, int]): Rows and columns of patches.

    Returns:
        Tensor: The mask, of shape (B, N), on the ratio's device.
    """
    count = int(_count(ratio, grid))
    # NumPy draws single numbers far quicker than torch, whose state alone is used.
    rng = np.random.default_rng(int(torch.randint(2**62, ())))
    masks = np.stack([_blocks(count, grid, rng).ravel() for _ in range(batch)])
    return torch.from_numpy(masks).to(ratio.device)


def grid_mask(ratio: Tensor, batch: int, grid: tuple[int, int]) -> Tensor:
    """All patches but one of every four, which lie on a regular grid.

    As in Fig. 6 of `MAE <https://arxiv.org/abs/2111.06377>`_: of each 2x2 patches the
    upper left one is kept. With an odd number of rows or columns that is more than a
    fourth of all.

    Args:
        ratio (Tensor): 0.75; there is no other.
        batch (int): Samples, all with the same mask.
        grid (tuple[int, int]): Rows and columns of patches.

    Returns:
        Tensor: The mask, of shape (B, N), on the ratio's device.
    """
    mask = torch.ones(grid, dtype=torch.bool, device=ratio.device)
    mask[::2, ::2] = False
    return mask.flatten().expand(batch, -1)


#: The strategies by their names in configs.
MASKS = {'random': random_mask, 'block': block_mask, 'grid': grid_mask}


def _count(ratio: Tensor, grid: tuple[int, int]) -> Tensor:
    """The number of patches that a ratio means."""
    return (ratio * (grid[0] * grid[1])).round()


def _blocks(count: int, grid: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """A mask of one sample with ``count`` patches, in blocks."""
    mask = np.zeros(grid, dtype=bool)
    left, misses = count, 0
    while left:
        rows, columns = _block(left, grid, rng)
        fresh = np.zeros(grid, dtype=bool)
        fresh[rows, columns] = ~mask[rows, columns]
        places = np.flatnonzero(fresh)
        if not len(places):
            misses += 1
            if misses < _ATTEMPTS:
                continue
            places = rng.choice(np.flatnonzero(~mask), 1)
        misses = 0
        mask.flat[places[:left]] = True
        left = count - int(mask.sum())
    return mask


def _block(
    left: int, grid: tuple[int, int], rng: np.random.Generator
) -> tuple[slice, slice]:
    """Rows and columns of a random block for ``left`` patches to be covered."""
    least = min(max(1.0, _LEAST_BLOCK * grid[0] * grid[1]), left)
    area = rng.uniform(least, left)
    aspect = math.exp(rng.uniform(math.log(_ASPECT), -math.log(_ASPECT)))
    sides = math.sqrt(area * aspect), math.sqrt(area / aspect)
    rows, columns = (_span(side, size, rng) for side, size in zip(sides, grid))
    return rows, columns


def _span(side: float, size: int, rng: np.random.Generator) -> slice:
    """A random span of about ``side`` out of ``size``."""
    length = min(max(round(side), 1), size)
    start = int(rng.integers(size - length + 1))
    return slice(start, start + length)
