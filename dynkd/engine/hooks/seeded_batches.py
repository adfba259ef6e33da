# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The batches of a training that counts iterations, as a function of their number."""

from collections.abc import Iterator
from typing import Any

from dynkd.utils import seed_everything

#: Tells these seeds from those that are set for an epoch (0) and an iteration (1).
_KIND = 2


class SeededBatches:
    """An endless iterator whose n-th batch depends on its number and the seed alone.

    A resumed training passes over the batches that it has had. MMEngine loads them all
    again; OneDL's continuation of it lets the sampler skip them. Both end with the
    same random numbers for the next batch, since each has its own seed.

    Args:
        batches (Iterator): The loop's own iterator.
        workers (int): How many data-loading workers draw the augmentations. Each
            continues its own random numbers from batch to batch, so that what is
            skipped has to be loaded.
        seed (int): The run's seed.
        rank (int): The number of this process.
    """

    def __init__(self, batches: Iterator, workers: int, seed: int, rank: int) -> None:
        self._batches, self._workers = batches, workers
        self._seed, self._rank = seed, rank
        self._number = 0

    def __iter__(self) -> 'SeededBatches':
        """Return the iterator itself."""
        return self

    def __next__(self) -> Any:
        """Load the next batch.

        Returns:
            Any: The batch, as the data loader yields it.
        """
        seed_everything(self._seed, _KIND, self._number, self._rank)
        self._number += 1
        return next(self._batches)

    def skip_iter(self, num_iters: int) -> None:
        """Pass over batches, as OneDL's training loop asks when it resumes.

        Args:
            num_iters (int): How many.
        """
        # OneDL's iterator over the loader, which draws a random number when it is made:
        # before the next batch has its seed, as in a run that was not stopped.
        make_iterator = getattr(self._batches, '_ensure_iterator', None)
        if self._workers or make_iterator is None:
            for _ in range(num_iters):
                next(self)
            return
        self._batches.skip_iter(num_iters)  # type: ignore[attr-defined]  # of OneDL
        make_iterator()
        self._number += num_iters
