# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""A store of two small taps, and a plain dictionary that behaves as it should."""

from typing import Any, Callable, Optional

import pytest
import torch
from torch import Tensor

from dynkd.models.stores import PredictionStore, build_codec

TAPS = {'student.head': 5, 'student.branches.0.fc': 3}


class DictStore:
    """The store's oracle: dictionaries of probabilities, a sample at a time.

    Args:
        options (dict): Of the codec, whose rounding is not the store's matter.
    """

    def __init__(self, **options: Any) -> None:
        options = dict(dict(format='float32'), **options)
        self.codecs = {
            tap: build_codec(num_classes=classes, **options)
            for tap, classes in TAPS.items()
        }
        self.previous: dict[int, dict[str, Tensor]] = {}
        self.next: dict[int, dict[str, Tensor]] = {}

    def write(self, indices: list[int], logits: dict[str, Tensor]) -> None:
        for position, index in enumerate(indices):
            rows = {tap: logits[tap][position][None] for tap in TAPS}
            self.next[index] = {
                tap: self.codecs[tap].decode(self.codecs[tap].encode(row))[0]
                for tap, row in rows.items()
            }

    def end_epoch(self) -> None:
        self.previous = {**self.previous, **self.next}
        self.next = {}

    def read(
        self, indices: list[int], labels: dict[str, Tensor]
    ) -> dict[str, list[Tensor]]:
        return {
            tap: [
                self.previous[index][tap] if index in self.previous else label
                for index, label in zip(indices, labels[tap])
            ]
            for tap in TAPS
        }


class Helpers:
    """What the tests of stores share."""

    taps = TAPS
    DictStore = DictStore

    @staticmethod
    def store(num_samples: int = 12, slots: int = 3, **options: Any) -> PredictionStore:
        """An open store."""
        store = PredictionStore(**options)
        store.declare(TAPS)
        store.open(num_samples, 'a data set', slots=slots)
        return store

    @staticmethod
    def resumed(
        state: dict, epoch: int, num_samples: int = 12, slots: int = 3, **options: Any
    ) -> PredictionStore:
        """An open store that was resumed."""
        store = PredictionStore(**options)
        store.declare(TAPS)
        store.load_state_dict(state, epoch)
        store.open(num_samples, 'a data set', slots=slots)
        return store

    @staticmethod
    def logits(count: int, seed: int) -> dict[str, Tensor]:
        """Random logits of both taps."""
        generator = torch.Generator().manual_seed(seed)
        return {
            tap: 3 * torch.randn(count, classes, generator=generator)
            for tap, classes in TAPS.items()
        }

    @staticmethod
    def labels(indices: list[int]) -> dict[str, Tensor]:
        """One-hot labels of samples."""
        wanted = torch.tensor(indices, dtype=torch.long)
        return {
            tap: torch.eye(classes)[wanted % classes] for tap, classes in TAPS.items()
        }

    @classmethod
    def epoch(
        cls, store: PredictionStore, epoch: int, batches: Optional[list] = None
    ) -> None:
        """Train a store for the epoch with this number, counted from 1."""
        for number, indices in enumerate(batches or [[0, 1, 2], [3, 4, epoch]]):
            logits = cls.logits(len(indices), 100 * epoch + number)
            store.write(torch.tensor(indices), logits)
        store.end_epoch(epoch)

    @classmethod
    def everything(cls, store: PredictionStore, num_samples: int = 12) -> Tensor:
        """All that can be read, one tap behind the other."""
        indices = list(range(num_samples))
        found = store.read(torch.tensor(indices), cls.labels(indices))
        return torch.cat([found[tap] for tap in TAPS], 1)


@pytest.fixture(scope='session')
def stores() -> Callable[..., Any]:
    """Helpers of the tests of stores."""
    return Helpers
