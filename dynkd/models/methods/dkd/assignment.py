# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The optimal matching between two clouds with the same number of points."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from .points import squared_distances

#: Entries of the cost matrices that are held at a time: 16 MiB in float32.
CHUNK_ENTRIES = 1 << 22


def best_permutation(cost: np.ndarray) -> np.ndarray:
    """Solve one assignment problem.

    Args:
        cost (np.ndarray): Costs, shape (N, N).

    Returns:
        np.ndarray: For each row its column, shape (N,). Rows keep their own column
        where the costs are not finite: the loss is NaN in that case anyway.
    """
    cost = cost.astype(np.float64)
    # Subtracting a constant from a row or column does not change the matching, and
    # subtracting the minima makes SciPy several times as fast.
    cost -= cost.min(axis=1, keepdims=True)
    cost -= cost.min(axis=0, keepdims=True)
    if not np.isfinite(cost).all():
        return np.arange(len(cost))
    return linear_sum_assignment(cost)[1]


def optimal_matching(x: Tensor, y: Tensor, p: int) -> Tensor:
    """Which point of ``y`` each point of ``x`` goes to in the cheapest matching.

    With uniform weights on equal numbers of points, an optimal transport plan is a
    permutation (Birkhoff), so the plan is found exactly by an assignment solver. It is
    SciPy's, which releases the interpreter lock: the clouds are solved in
    ``torch.get_num_threads()`` threads.

    Args:
        x (Tensor): Shape (clouds, N, coordinates). No gradient is recorded.
        y (Tensor): Shape (clouds, N, coordinates).
        p (int): The cost is the distance to the power of ``p``, 1 or 2.

    Returns:
        Tensor: Indices into the points of ``y``, shape (clouds, N), on ``x``'s device.
    """
    clouds, count = x.shape[:2]
    if count == 1:
        return torch.zeros(clouds, 1, dtype=torch.long, device=x.device)
    workers = min(torch.get_num_threads(), clouds)
    with torch.no_grad():
        # Squared distances by matrix products lose digits far from the origin.
        centre = y.mean(1, keepdim=True)
        costs = _cost_matrices(x.detach() - centre, y.detach() - centre, p)
        if workers == 1:
            found = [best_permutation(cost) for chunk in costs for cost in chunk]
        else:
            with ThreadPoolExecutor(workers) as pool:
                found = [
                    permutation
                    for chunk in costs
                    for permutation in pool.map(best_permutation, chunk)
                ]
    return torch.from_numpy(np.stack(found)).to(x.device)


def _cost_matrices(x: Tensor, y: Tensor, p: int) -> Iterator[np.ndarray]:
    """Cost matrices, a few clouds at a time so that memory stays bounded."""
    step = max(1, CHUNK_ENTRIES // x.size(1) ** 2)
    for x_part, y_part in zip(x.split(step), y.split(step)):
        cost = squared_distances(x_part, y_part)
        if p == 1:
            cost = cost.clamp_(min=0).sqrt_()
        yield cost.cpu().numpy()
