# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Batches of several streams: preprocessed once, without effects on each other."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any, Optional

import torch
from mmengine.model import BaseDataPreprocessor
from mmengine.structures import BaseDataElement

from dynkd.utils import RandomState

from .batch_augments import MIXERS, alike, draws
from .stream import Stream


class RawBatches(BaseDataPreprocessor):
    """Passes batches on unchanged: each stream has its own data preprocessor."""

    def forward(self, data: Any, training: bool = False) -> Any:
        """Return a batch unchanged.

        Args:
            data (Any): The batch.
            training (bool): Whether it is for training. Defaults to False.

        Returns:
            Any: The same object.
        """
        return data


class Batches:
    """Preprocesses batches for several streams.

    Streams that read the same input through data preprocessors that are configured
    alike share one preprocessed batch, each with data samples of its own. The others
    see the same random draws (mixup, random resizing), so that their outputs can be
    compared.

    Args:
        streams (dict[str, Stream]): The streams by name.
    """

    def __init__(self, streams: Mapping[str, Stream]) -> None:
        self.streams = streams
        self._groups: dict[tuple[str, ...], list[list[str]]] = {}
        self._mixing: Optional[list[tuple[Any, str]]] = None
        self._mixers: list[int] = []

    def __call__(
        self, data: dict[str, Any], names: Sequence[str], training: bool
    ) -> dict[str, dict[str, Any]]:
        """Preprocess a batch.

        Args:
            data (dict): The batch as the data loader returns it. For training, its data
                samples may be written to, as plain models do.
            names (sequence of str): The streams that need it.
            training (bool): Whether it is for training.

        Returns:
            dict[str, dict]: The batch of each, ``inputs`` and ``data_samples``.
        """
        groups = self._grouped(names)
        firsts = [self.streams[group[0]] for group in groups]
        if training and len(groups) == 1:
            return self._shared(names, firsts[0].prepare(data, True), True)
        random = any(draws(first.model.data_preprocessor) for first in firsts)
        state = RandomState.capture() if random and len(groups) > 1 else None
        batches: dict[str, dict[str, Any]] = {}
        for group, first in zip(groups, firsts):
            if state is not None:
                state.restore()
            # Nobody reads it after the last group.
            last = training and group is groups[-1]
            own = data if last else copy_batch(data, random)
            batches.update(self._shared(group, first.prepare(own, training), training))
        return {name: batches[name] for name in names}

    def _shared(
        self, group: Sequence[str], batch: dict[str, Any], training: bool
    ) -> dict[str, dict[str, Any]]:
        """The batch of each stream of a group, with data samples of its own if it may
        write to them."""
        shared = dict.fromkeys(group, batch)
        writers = [n for n in group if not training or self.streams[n].reads_samples]
        shared.update({name: copy_batch(batch) for name in writers[1:]})
        return shared

    def _grouped(self, names: Sequence[str]) -> list[list[str]]:
        """The streams, grouped by the batch that they share."""
        # MMPretrain's SwitchRecipeHook replaces augmentations while a training runs.
        if self._mixing is None:
            self._mixing = self._find_mixing()
        mixers = [id(getattr(preprocessor, key)) for preprocessor, key in self._mixing]
        if mixers != self._mixers:
            self._groups, self._mixers = {}, mixers
        key = tuple(names)
        if key not in self._groups:
            self._groups[key] = self._group(names)
        return self._groups[key]

    def _find_mixing(self) -> list[tuple[Any, str]]:
        """The data preprocessors that may mix images, with the name of what mixes."""
        return [
            (stream.model.data_preprocessor, key)
            for stream in self.streams.values()
            for key in MIXERS
            if hasattr(stream.model.data_preprocessor, key)
        ]

    def _group(self, names: Sequence[str]) -> list[list[str]]:
        """Find the streams that can share a batch."""
        groups: list[list[str]] = []
        for name in names:
            for group in groups:
                if self._share(self.streams[group[0]], self.streams[name]):
                    group.append(name)
                    break
            else:
                groups.append([name])
        return groups

    @staticmethod
    def _share(one: Stream, other: Stream) -> bool:
        """Whether two streams can share a batch."""
        settings = [(s.cfg.input, s.cfg.channels_last) for s in (one, other)]
        return settings[0] == settings[1] and alike(
            one.model.data_preprocessor, other.model.data_preprocessor
        )

    def __getstate__(self) -> dict[str, Any]:
        """Copies compute their groups again: a copied module has another identity."""
        return dict(streams=self.streams, _groups={}, _mixing=None, _mixers=[])


def copy_batch(data: dict[str, Any], images: bool = False) -> dict[str, Any]:
    """Copy a batch so that changes to its data samples stay in the copy.

    Args:
        data (dict): The batch.
        images (bool): Whether the inputs may be written into, and are copied too.
            Defaults to False.

    Returns:
        dict: The copy. Tensors of data samples are copied; what else they hold, such as
        file names, is shared.
    """
    own = dict(data)
    if images:
        own['inputs'] = copy.deepcopy(own['inputs'])
    if own.get('data_samples') is not None:
        own['data_samples'] = _copied(own['data_samples'])
    return own


def _copied(value: Any) -> Any:
    """A copy of data samples: of their objects and tensors, not of plain values."""
    if isinstance(value, torch.Tensor):
        return value.clone()
    if isinstance(value, BaseDataElement):
        return _copied_element(value)
    if isinstance(value, (list, tuple)):
        return type(value)(_copied(item) for item in value)
    if isinstance(value, (str, int, float, bool, bytes, type(None))):
        return value
    return copy.deepcopy(value)


def _copied_element(element: BaseDataElement) -> BaseDataElement:
    """A copy of a data element; its own methods would copy meta information deeply."""
    new: Optional[Any] = object.__new__(type(element))
    meta = element.__dict__['_metainfo_fields']
    for key, value in element.__dict__.items():
        if key in ('_metainfo_fields', '_data_fields'):
            value = set(value)
        elif key not in meta:
            value = _copied(value)
        elif isinstance(value, (list, dict)):
            value = copy.copy(value)
        new.__dict__[key] = value
    return new
