# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Exchange of sample indices and rows between the processes of a run."""

from collections.abc import Iterator

import numpy as np
import torch
from mmengine.dist import all_gather

from .topology import Topology

#: Bytes that a process receives in a round of :func:`exchange_rows`.
ROUND_BYTES = 64 * 2**20


class IndexGatherer:
    """Gathers the sample indices of a step from all processes.

    Each process sends one message of a fixed size, which grows when a batch does.

    Args:
        topology (Topology): The processes.
    """

    def __init__(self, topology: Topology) -> None:
        self.topology = topology
        self._capacity = 0

    def __call__(self, indices: np.ndarray) -> tuple[np.ndarray, ...]:
        """Gather.

        Args:
            indices (np.ndarray): Shape (B,), int64: this process' samples; B may
                differ from process to process.

        Returns:
            tuple[np.ndarray]: Indices, ranks and positions in the rank's batch, all of
            shape (total,), in the order of ranks and positions.
        """
        if len(self.topology.nodes) == 1:
            return indices, np.zeros_like(indices), np.arange(len(indices))
        messages = self._gather(indices)
        sizes = [int(message[0]) for message in messages]
        if max(sizes) > self._capacity:
            # Every process sees that the messages were too small.
            self._capacity = max(sizes)
            messages = self._gather(indices)
        found = [m[1 : 1 + size] for m, size in zip(messages, sizes)]
        ranks = np.repeat(np.arange(len(sizes)), sizes)
        return np.concatenate(found), ranks, np.concatenate([*map(np.arange, sizes)])

    def _gather(self, indices: np.ndarray) -> list[np.ndarray]:
        """All messages: a size and as many indices as fit."""
        message = np.full(1 + self._capacity, -1, np.int64)
        message[0] = len(indices)
        part = indices[: self._capacity]
        message[1 : 1 + len(part)] = part
        return [m.numpy() for m in all_gather(torch.from_numpy(message))]


def last_occurrences(indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find where each sample occurs last.

    Args:
        indices (np.ndarray): Shape (n,); negative ones mean no sample.

    Returns:
        tuple[np.ndarray, np.ndarray]: The samples, and the positions of their last
        occurrences, ascending, both of shape (m,).
    """
    _, from_behind = np.unique(indices[::-1], return_index=True)
    positions = np.sort(len(indices) - 1 - from_behind)
    positions = positions[indices[positions] >= 0]
    return indices[positions], positions


def exchange_rows(rows: np.ndarray, owner: np.ndarray, topology: Topology) -> None:
    """Give every node the rows that the processes of other nodes wrote.

    Args:
        rows (np.ndarray): Shape (N, row_bytes), uint8: this node's rows, changed in
            place.
        owner (np.ndarray): Shape (N,): the rank that wrote a row last, -1 for none;
            the same on all ranks.
        topology (Topology): The processes.
    """
    for chunks in _rounds(owner, topology, rows.shape[1]):
        longest = max(map(len, chunks))
        mine = chunks[topology.rank]
        message = torch.zeros(longest, rows.shape[1], dtype=torch.uint8)
        message[: len(mine)] = torch.from_numpy(rows[mine])
        messages = all_gather(message)
        if topology.leader:
            for node, chunk, found in zip(topology.nodes, chunks, messages):
                if node != topology.node:
                    rows[chunk] = found[: len(chunk)].cpu().numpy()


def _rounds(
    owner: np.ndarray, topology: Topology, row_bytes: int
) -> Iterator[list[np.ndarray]]:
    """The samples that each rank sends in each round."""
    owned = [np.flatnonzero(owner == rank) for rank in range(len(topology.nodes))]
    size = max(ROUND_BYTES // (row_bytes * len(owned)), 1)
    for begin in range(0, max(map(len, owned)), size):
        yield [samples[begin : begin + size] for samples in owned]
