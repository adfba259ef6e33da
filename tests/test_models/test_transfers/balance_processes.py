# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Weights that two processes measure: ``torchrun --nproc_per_node 2 … OUT``."""

import math
import sys
from pathlib import Path

import torch
from mmengine.dist import get_rank

from dynkd.compat import init_cpu_process_group, leave_process_group
from dynkd.models.schedules import Progress
from dynkd.models.transfers import BalancedWeight

WORLD, STEPS, ITERATIONS, SHARE = 2, 6, 3, 0.5
KINDS = dict(kept=None, following=0.25)


def losses(step: int, rank: int) -> tuple[float, float]:
    """A rank's task loss and transfer loss. One of them overflows, once in both."""
    if step == 0 or (step == 2 and rank == 1):
        return 1.0 + rank, math.inf
    return 2.0 + step + rank, 1.0 / (1 + step) + 3 * rank


def main() -> None:
    init_cpu_process_group('pytorch', timeout=60)
    found = {}
    for name, momentum in KINDS.items():
        balance = BalancedWeight(SHARE, ITERATIONS, momentum)
        weights = []
        for step in range(STEPS):
            task, loss = map(torch.tensor, losses(step, get_rank()))
            weights.append(balance(loss, task, Progress(iter=step + 1)).item())
        found[name] = (weights, balance.means)
    torch.save(found, Path(sys.argv[1]) / f'found.{get_rank()}')
    leave_process_group()


if __name__ == '__main__':
    main()
