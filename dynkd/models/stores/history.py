# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Keeping the streams' past predictions in stores, and reading them."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Optional

import torch
import torch.nn.functional as F

from dynkd.models.labels import class_probabilities
from dynkd.models.taps import Tap

from .prediction_store import PredictionStore

#: A batch's data samples, by stream.
Samples = Mapping[str, Optional[Sequence]]


def stored(tap: Tap) -> Tap:
    """The tap whose past outputs a tap of a store reads.

    Args:
        tap (Tap): For example ``history.student.head``.

    Returns:
        Tap: For example ``student.head``.

    Raises:
        ValueError: If what follows the store's name is not a tap.
    """
    try:
        return Tap.parse(str(tap).partition('.')[2])
    except ValueError as error:
        raise ValueError(
            f'`{tap}` reads the store `{tap.stream}`: a source is written '
            f'`{tap.stream}.<stream>.<module>`, for example '
            f'`{tap.stream}.student.head`.'
        ) from error


class History:
    """The stores of a distillation, and which taps each keeps.

    A store keeps the taps that transfers read from it: no more, and in every phase.

    Args:
        stores (dict[str, PredictionStore]): The stores by name.
        sources (iterable of Tap): The taps that transfers read, of stores and others.

    Raises:
        ValueError: If a transfer reads from a store what is not a tap.
    """

    def __init__(
        self, stores: Mapping[str, PredictionStore], sources: Iterable[Tap]
    ) -> None:
        self.stores = stores
        #: The taps that read stores, by the store's name.
        self.readers: dict[str, list[Tap]] = {name: [] for name in stores}
        for tap in dict.fromkeys(sources):
            if tap.stream in stores:
                self.readers[tap.stream].append(tap)
        #: The taps that each store keeps, by the store's name.
        self.kept = {name: list(map(stored, own)) for name, own in self.readers.items()}
        self.taps = [tap for taps in self.kept.values() for tap in taps]
        #: The same taps with their texts, by which the stores know them.
        self._written = {
            name: [(tap, str(tap)) for tap in taps] for name, taps in self.kept.items()
        }
        self._paused = False

    def check(self, yielded: Mapping[Tap, Any], frozen: Collection[str]) -> None:
        """Check that the stores can keep their taps, and size the stores accordingly.

        Args:
            yielded (dict[Tap, Any]): What the streams' taps yielded in a dry run.
            frozen (collection of str): Names of the frozen streams.

        Raises:
            ValueError: If a stored tap is in a frozen stream, whose predictions never
                change; or if it does not yield class predictions, or has too few
                classes for the store's format.
        """
        classes: dict[Tap, int] = {}
        for tap in self.taps:
            if tap.stream in frozen:
                raise ValueError(
                    f'a store keeps `{tap}`, but the stream `{tap.stream}` is frozen: '
                    'its predictions are the same in every epoch. Read the tap itself.'
                )
            if tap not in yielded:
                raise ValueError(
                    f'a store keeps `{tap}`, but the stream `{tap.stream}` could not '
                    'have its dry run, so the number of classes is not known. Set its '
                    '`input_shape` to one on which it runs.'
                )
            classes[tap] = yielded[tap].size(1)
        self.declare(classes)

    def declare(self, classes: Mapping[Tap, int]) -> None:
        """Tell every store how many classes its taps predict.

        Args:
            classes (dict[Tap, int]): Number of classes by the streams' taps.

        Raises:
            ValueError: If no transfer reads a store, or it cannot keep what is read;
                the message names the store.
        """
        for name, readers in self.readers.items():
            if not readers:
                raise ValueError(
                    f'store `{name}`: no transfer reads it. A transfer reads it by '
                    f"`source='{name}.student.head'`; else leave the store out."
                )
            try:
                self.stores[name].declare(
                    {str(stored(tap)): classes[stored(tap)] for tap in readers}
                )
            except ValueError as error:
                raise ValueError(f'store `{name}`: {error}') from error

    def read(self, outputs: Mapping[Tap, Any], samples: Samples) -> dict[Tap, Any]:
        """Read the stored predictions of a batch's samples.

        Args:
            outputs (dict[Tap, Any]): What the streams' taps yielded, logits of shape
                (B, K).
            samples (dict[str, list]): The data samples by stream.

        Returns:
            dict[Tap, Tensor]: Probabilities of shape (B, K) by the taps that read.
        """
        found: dict[Tap, Any] = {}
        made: dict[tuple[str, int], torch.Tensor] = {}
        for name, readers in self.readers.items():
            kept, labels = self._written[name], {}
            for tap, text in kept:
                logits, key = outputs[tap], (tap.stream, outputs[tap].size(1))
                if key not in made:  # a stream's branches have the same labels
                    made[key] = class_probabilities(
                        samples[tap.stream], logits.size(1), logits.device
                    )
                labels[text] = made[key]
            indices = sample_indices(samples[kept[0][0].stream])
            rows = self.stores[name].read(indices, labels)
            found.update({tap: rows[text] for tap, (_, text) in zip(readers, kept)})
        return found

    def write(self, outputs: Mapping[Tap, Any], samples: Samples) -> None:
        """Store the streams' predictions for a batch's samples.

        Args:
            outputs (dict[Tap, Any]): What the streams' taps yielded, logits of shape
                (B, K).
            samples (dict[str, list]): The data samples by stream.
        """
        if self._paused:
            return
        for name, kept in self._written.items():
            indices = sample_indices(samples[kept[0][0].stream])
            logits = {text: outputs[tap].detach() for tap, text in kept}
            self.stores[name].write(indices, logits)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Steps in which nothing is stored, as where they are only measured."""
        self._paused = True
        try:
            yield
        finally:
            self._paused = False

    def stand_in(self, outputs: Mapping[Tap, Any]) -> dict[Tap, Any]:
        """Stand-ins for the output of stores that are not open yet, for a dry run.

        Args:
            outputs (dict[Tap, Any]): What the streams' taps yielded.

        Returns:
            dict[Tap, Tensor]: The probabilities of the streams' own outputs.

        Raises:
            ValueError: If a tap yields anything but logits of shape (B, K).
        """
        found = {}
        for tap in (tap for readers in self.readers.values() for tap in readers):
            logits = outputs.get(stored(tap))
            if logits is None:
                continue
            if not isinstance(logits, torch.Tensor) or logits.dim() != 2:
                shape = tuple(getattr(logits, 'shape', ())) or type(logits).__name__
                raise ValueError(
                    f'store `{tap.stream}` keeps class predictions, logits of shape '
                    f'(B, K), but `{stored(tap)}` yields {shape}.'
                )
            found[tap] = F.softmax(logits, dim=1)
        return found


def sample_indices(data_samples: Optional[Sequence]) -> torch.Tensor:
    """Which samples of the data set a batch holds.

    Args:
        data_samples (list, optional): The data samples.

    Returns:
        Tensor: Their ``sample_idx``, of shape (B,), int64.

    Raises:
        KeyError: If they carry none.
    """
    found = [getattr(sample, 'sample_idx', None) for sample in data_samples or ()]
    rows = [int(index) for index in found if index is not None]
    if not rows or len(rows) < len(found):
        raise KeyError(
            'the data samples carry no `sample_idx`, by which a store finds their '
            "rows. Add 'sample_idx' to the `meta_keys` of the pipeline's PackInputs."
        )
    return torch.tensor(rows)
