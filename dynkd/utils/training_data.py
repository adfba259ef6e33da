# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What is known of a training's data before its first step."""

from collections.abc import Sequence, Sized
from functools import cached_property
from typing import Any, Optional

from torch.utils.data import BatchSampler, DataLoader, Dataset, IterableDataset

from .random_state import RandomState


class TrainingData:
    """What is known of a training's data before its first step.

    Args:
        loader (DataLoader): The data loader of the training.
        by_epoch (bool): Whether the training counts epochs, so that it comes to the
            last batch of each. Defaults to False.
    """

    def __init__(self, loader: DataLoader, by_epoch: bool = False) -> None:
        self.loader = loader
        self.by_epoch = by_epoch

    @cached_property
    def batch_size(self) -> Optional[int]:
        """int or None: Samples of a batch and process, the most where batches differ;
        None where nothing says so."""
        # A sampler of batches, such as those by aspect ratio, leaves the loader none.
        size = self.loader.batch_size
        if size is None:
            size = getattr(self.loader.batch_sampler, 'batch_size', None)
        if isinstance(size, Sequence):
            # One for each data set of which batches are made.
            size = max(size)
        return size

    @cached_property
    def smallest_batch(self) -> Optional[int]:
        """int or None: Samples of an epoch's smallest batch in this process; None
        without epochs, or where nothing says so."""
        batches = self.loader.batch_sampler
        # Others, such as those by aspect ratio, do not batch all samples in a row.
        if not self.by_epoch or type(batches) is not BatchSampler:
            return None
        if not isinstance(batches.sampler, Sized):
            return None
        rest = 0 if batches.drop_last else len(batches.sampler) % batches.batch_size
        return rest or batches.batch_size

    @cached_property
    def first_sample(self) -> Any:
        """BaseDataElement or None: The first data sample, as the pipeline packs it;
        None where the data set is a stream of samples, or returns none for it."""
        if isinstance(self.loader.dataset, IterableDataset):
            return None
        return first_data_sample(self.loader.dataset)


def first_data_sample(dataset: Dataset) -> Any:
    """The first data sample of a training. Random numbers stay as they are.

    Args:
        dataset (Dataset): The data set of a training, with its wrappers.

    Returns:
        BaseDataElement or None: The data sample as the pipeline packs it; None where it
        packs none.
    """
    before = RandomState.capture()
    try:
        packed = dataset[0]
    finally:
        before.restore()
    return packed.get('data_samples') if isinstance(packed, dict) else None
