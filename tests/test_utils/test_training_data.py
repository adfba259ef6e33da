# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What a run asks of its training data, without drawing a random number."""

from typing import Any

import torch
from batch_items import Items
from torch.utils.data import BatchSampler, DataLoader, IterableDataset

from dynkd.utils import RandomState, TrainingData, first_data_sample


class Stream(IterableDataset):
    """A data set without indices."""

    def __iter__(self) -> Any:
        yield from ()


def test_random_numbers_stay(cls_batch):
    before = RandomState.capture()
    items = Items(cls_batch())
    assert first_data_sample(items) is items.samples[0]
    after = RandomState.capture()
    assert after.python == before.python and torch.equal(after.torch, before.torch)
    items[0]
    assert RandomState.capture().python != before.python


def test_what_is_not_known_of_the_data(cls_batch):
    items = Items(cls_batch())
    items.samples = [None] * 4
    assert TrainingData(DataLoader(items, batch_size=3)).first_sample is None
    data = TrainingData(DataLoader(Stream(), batch_size=3))
    assert data.first_sample is None and data.batch_size == 3
    assert (
        TrainingData(DataLoader(items, batch_sampler=[[0], [1, 2]])).batch_size is None
    )


def test_batches_of_several_data_sets_are_as_large_as_the_largest(cls_batch):
    batches = BatchSampler(range(4), 2, drop_last=False)
    batches.batch_size = [2, 5]
    loader = DataLoader(Items(cls_batch()), batch_sampler=batches)
    assert TrainingData(loader).batch_size == 5


def test_the_smallest_batch_of_an_epoch(cls_batch):
    items = Items(cls_batch(size=7))

    def smallest(by_epoch: bool = True, **options: Any) -> Any:
        return TrainingData(DataLoader(items, **options), by_epoch).smallest_batch

    assert smallest(batch_size=3) == 1
    assert smallest(batch_size=9) == 7
    assert smallest(batch_size=7) == 7
    assert smallest(batch_size=3, drop_last=True) == 3
    assert smallest(batch_size=3, by_epoch=False) is None
    assert smallest(batch_sampler=[[0], [1, 2]]) is None
    assert smallest(batch_size=None) is None
    stream = DataLoader(Stream(), batch_size=3)
    assert TrainingData(stream, by_epoch=True).smallest_batch is None
