# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Ratios that two processes measure: ``torchrun --nproc_per_node 2 … OUT``."""

import sys
from pathlib import Path

import torch
from mmengine.dist import get_rank
from torch import Tensor

from dynkd.compat import init_cpu_process_group, leave_process_group
from dynkd.models.methods.dpk import CKARatio, CosineRatio

WORLD, STEPS, SMALL = 2, 5, 3
KINDS = {
    'cka': lambda: CKARatio(window=2),
    'positions': lambda: CKARatio(window=2, samples='positions'),
    'cosine': lambda: CosineRatio(window=2),
}


def batch(step: int, rank: int) -> tuple[Tensor, Tensor]:
    """A rank's features. In one step a rank has, in another both have, too few."""
    generator = torch.Generator().manual_seed(10 * step + rank)
    size = SMALL if step == 3 or (step == 2 and rank == 1) else 8
    student, noise = (torch.randn(size, 4, 2, 3, generator=generator) for _ in 'ab')
    return student, noise + (1 + rank) * student


def main() -> None:
    init_cpu_process_group('pytorch', timeout=60)
    found = {}
    for name, build in KINDS.items():
        ratio = build()
        steps = [ratio(*batch(step, get_rank())).item() for step in range(STEPS)]
        found[name] = (steps, ratio.measured)
    try:
        CKARatio()(*batch(3, get_rank()))
    except ValueError as error:
        found['error'] = str(error)
    torch.save(found, Path(sys.argv[1]) / f'found.{get_rank()}')
    leave_process_group()


if __name__ == '__main__':
    main()
