# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Slots: each holds the predictions of one epoch."""

import zlib
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, Optional

import numpy as np
import torch
from mmengine.dist import all_gather_object
from torch import Tensor

from .allocation import (
    allocate_files,
    map_files,
    private_buffers,
    shared_buffers,
)
from .ledger import Entry, Ledger, file_checksum
from .locks import lock_file
from .rows import CHUNK_BYTES
from .topology import Topology


class Slot:
    """Rows of predictions, and which of them there are.

    Args:
        buffer (np.ndarray): Shape (N * (row_bytes + 1),), uint8.
        num_samples (int): Number of samples, N.

    Attributes:
        rows (np.ndarray): Shape (N, row_bytes).
        seen (np.ndarray): Shape (N,), 1 where there is a prediction.
    """

    def __init__(self, buffer: np.ndarray, num_samples: int) -> None:
        self._buffer = buffer
        edge = len(buffer) - num_samples
        self.rows = buffer[:edge].reshape(num_samples, -1)
        self.seen = buffer[edge:]

    def complete(
        self, previous: Optional['Slot'], written: np.ndarray, part: int, parts: int
    ) -> None:
        """Fill rows that were not written with older predictions, where there are any.

        Args:
            previous (Slot, optional): The older predictions.
            written (np.ndarray): Shape (N,), bool.
            part (int): Which part of the rows to fill, as one of several processes.
            parts (int): Into how many parts they are divided.
        """
        size = max(CHUNK_BYTES // self.rows.shape[1], 1)
        for begin in range(part * size, len(written), parts * size):
            chunk = slice(begin, begin + size)
            self.seen[chunk] = written[chunk]
            if previous is not None:
                old = begin + np.flatnonzero(previous.seen[chunk] & ~written[chunk])
                self.rows[old] = previous.rows[old]
                self.seen[old] = 1

    def flush(self) -> Optional[int]:
        """Flush a file's content to disk.

        Returns:
            int, optional: The checksum of the file; None in memory.
        """
        if not isinstance(self._buffer, np.memmap):
            return None
        self._buffer.flush()
        return zlib.crc32(self._buffer.data)


class Slots:
    """The slots of a store on one node.

    Args:
        path (str, optional): Folder of their files. Defaults to None: memory.
        topology (Topology): The processes.
        num_samples (int): Number of samples, N.
        row_bytes (int): Bytes of a sample's row.
    """

    def __init__(
        self, path: Optional[str], topology: Topology, num_samples: int, row_bytes: int
    ) -> None:
        self.topology = topology
        self.num_samples = num_samples
        self.size = num_samples * (row_bytes + 1)
        self.folder = None if path is None else Path(path).expanduser()
        self.ledger = Ledger(self.folder and self._path('json'))
        self._slots: list[Slot] = []
        self._lock: Optional[IO] = None

    def find(self, entry_id: Optional[str]) -> Optional[int]:
        """Find the slot that holds certain predictions.

        Args:
            entry_id (str, optional): Their random name; None finds nothing.

        Returns:
            int, optional: The slot, if there is one.
        """
        slot = self.ledger.find(entry_id)
        fits = slot is None or self.folder is None or self._fits(slot)
        return slot if fits else None

    def allocate(self, count: int) -> None:
        """Allocate the slots, or map the files that are there.

        Args:
            count (int): How many; files that are there beyond it are used, too.

        Raises:
            OSError: If there is no space for them, or another run uses them.
            MemoryError: If there is no space for them.
        """
        if self.folder is None:
            self.ledger.resize(count)
            if self.topology.sharing:
                buffers = shared_buffers(count, self.size, self.topology)
            else:
                # What fails on one node must fail on all.
                buffers = self.topology.together(
                    lambda: private_buffers(count, self.size)
                )
        else:
            self.topology.together(self._clear, leaders=True)
            self.ledger = Ledger(self._path('json'))
            # As many on all nodes, which make new ones together.
            there = all_gather_object(len(self.ledger.entries))
            self.ledger.resize(max(count, *there))
            buffers = self._map([*range(len(self.ledger.entries))])
        self._slots = [Slot(buffer, self.num_samples) for buffer in buffers]

    def __getitem__(self, slot: int) -> Slot:
        return self._slots[slot]

    def begin(self, protected: Collection[Optional[int]]) -> int:
        """Choose a slot to write into, and mark its previous content as invalid.

        Args:
            protected (collection of int): Slots that must stay as they are.

        Returns:
            int: The slot.

        Raises:
            OSError: If a further file is necessary and there is no space for it.
        """
        free = [i for i in range(len(self._slots)) if i not in protected]
        if not free:
            free = [len(self._slots)]
            self.ledger.resize(free[0] + 1)
            self._slots.append(Slot(self._map(free)[0], self.num_samples))
        self.ledger.set(free[0], None, self.topology.leader)
        # No row may be written before the slot is marked.
        self.topology.wait()
        return free[0]

    def end(self, slot: int, entry: Entry) -> None:
        """Record on all processes that a slot's predictions are complete.

        Args:
            slot (int): The slot.
            entry (Entry): The predictions.
        """
        if self.topology.leader:
            entry = replace(entry, checksum=self[slot].flush())
        self.ledger.set(slot, entry, self.topology.leader)
        self.topology.wait()

    def check_file(self, entry_id: Optional[str]) -> None:
        """Check that the file of certain predictions is as it was written.

        Args:
            entry_id (str, optional): Their random name; without a file, all is well.

        Raises:
            ValueError: If the file was damaged since.
        """
        slot = self.find(entry_id)
        if slot is None or self.folder is None or not self.topology.leader:
            return
        entry, path = self.ledger.entries[slot], self._path(f'{slot}.bin')
        if entry is None or entry.checksum in (None, file_checksum(path)):
            return
        raise ValueError(
            f'{path} is damaged: it is not what was written after epoch {entry.epoch}. '
            'Resume from a checkpoint that goes with another file, if there is one; or '
            'start a new run from the weights of this one (`load_from` without '
            '`resume`) with another `path`.'
        )

    def _path(self, suffix: str) -> Path:
        """A file of this node."""
        assert self.folder is not None  # in memory there are no files
        return self.folder / f'store.node{self.topology.node}.{suffix}'

    def _fits(self, slot: int) -> bool:
        """Whether a slot's file is there, of the right size."""
        path = self._path(f'{slot}.bin')
        return path.is_file() and path.stat().st_size == self.size

    def _clear(self) -> None:
        """Lock the folder, and remove files whose size does not fit."""
        self._path('lock').parent.mkdir(parents=True, exist_ok=True)
        self._lock = lock_file(self._path('lock'))
        entries = self.ledger.entries
        stale = [slot for slot in range(len(entries)) if not self._fits(slot)]
        for slot in stale:
            self.ledger.set(slot, None, write=True)
            self._path(f'{slot}.bin').unlink(missing_ok=True)
        while entries and len(entries) - 1 in stale:
            entries.pop()
        self.ledger.save()

    def _map(self, slots: list[int]) -> list[np.ndarray]:
        """Make the files of slots, or find them as they are, and map them."""
        paths = [self._path(f'{slot}.bin') for slot in slots]
        self.topology.together(lambda: allocate_files(paths, self.size), leaders=True)
        return self.topology.together(lambda: map_files(paths, self.size))


#: Entries that must agree, in the order of the checks, and their names in messages.
_MUST_AGREE = (
    ('taps', 'these taps (and class counts)'),
    ('format', 'this format'),
    ('num_samples', 'this number of samples'),
    ('fingerprint', 'a data set of this fingerprint'),
)


def check_fits(
    state: dict[str, Any], epoch: int, meta: dict[str, Any], slots: Slots
) -> None:
    """Check that a state can be resumed.

    Args:
        state (dict[str, Any]): What the checkpoint holds.
        epoch (int): Epochs done, at which the training is resumed.
        meta (dict[str, Any]): What this run's store is like.
        slots (Slots): Its slots, not allocated yet.

    Raises:
        ValueError: If it cannot.
    """
    for key, what in _MUST_AGREE:
        theirs, ours = dict(state['meta']).get(key), meta[key]
        if theirs != ours:
            raise ValueError(
                f'the checkpoint holds past predictions of {what}: {theirs}. This run '
                f'has {ours}. Resume with the config and the data set that the '
                'checkpoint was trained with, or start a new run from its weights '
                '(`load_from` without `resume`).'
            )
    if state['epoch'] != epoch:
        raise ValueError(
            f'the checkpoint holds the predictions after epoch {state["epoch"]}, but '
            f'the training is resumed after epoch {epoch}.'
        )
    samples = slots.num_samples
    shapes = dict(rows=(samples, slots.size // samples - 1), seen=(samples,))
    for part, shape in shapes.items():
        if 'rows' in state and not _holds(state.get(part), shape):
            raise ValueError(f'the `{part}` that the checkpoint holds are damaged.')
    if state['id'] is None or 'rows' in state:
        return
    if slots.find(state['id']) is not None:
        slots.check_file(state['id'])
        return
    if slots.folder is None:
        raise ValueError(
            "the checkpoint's past predictions are in files, not in the checkpoint: "
            'give the store the `path` that it had.'
        )
    raise ValueError(
        f'the checkpoint belongs to the predictions after epoch {epoch} of its run, '
        f'but the files in {slots.folder} (node {slots.topology.node}) hold '
        f'predictions {slots.ledger.describe()}, not those. Resume from the newest '
        'checkpoint of the run, with the same number of nodes; or keep the store in '
        'memory (`path=None`), so that every checkpoint holds its own.'
    )


def _holds(value: Any, shape: tuple[int, ...]) -> bool:
    """Whether a value is a tensor of bytes of a shape."""
    if not isinstance(value, Tensor):
        return False
    return value.shape == shape and value.dtype == torch.uint8
