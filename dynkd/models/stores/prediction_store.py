# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The last prediction that a stream made for each training sample."""

import uuid
from functools import partial
from typing import Any, Optional

import numpy as np
import torch
from mmengine.dist import broadcast_object_list
from torch import Tensor

from dynkd.registry import STORES
from dynkd.utils.kinds import Count, Positive, Text

from .codecs import build_codec
from .exchange import IndexGatherer, exchange_rows, last_occurrences
from .ledger import Entry
from .rows import RowLayout, check_samples
from .slots import Slots, check_fits
from .topology import Topology


@STORES.register_module()
class PredictionStore:
    r"""The last prediction that a stream made for each training sample.

    Source: DTSKD, :math:`p_{b,(t-1)}(\mathbf{x})` of eqs. 5 and 6. What an epoch writes
        can be read from the next epoch on. A sample that an epoch leaves out keeps its
        older prediction (ours). For a sample that was never seen, the store returns the
        label, as for the history in the paper's first epoch.

    A sample may be written several times in an epoch (padding of a distributed
    sampler, ``RepeatDataset``): the last prediction counts, in the order of steps,
    ranks, and positions in the batch, which is the order of one process with the
    batches of all. Rows that are not finite, of a step that overflowed, are left out.

    All processes of a node share one copy. All processes must call ``open``, ``write``
    and ``end_epoch`` together.

    Args:
        format (str): ``'float32'`` (4 K bytes per row, of K classes), ``'float16'``
            (2 K), ``'uint8'`` (K + 4: logarithms in 8 bits) or ``'topk'`` (4 k: the k
            greatest, the rest spread evenly). Defaults to 'float32'.
        k (int, optional): Number of classes that ``'topk'`` keeps. Defaults to None:
            20, or all if there are fewer.
        span (float): For ``'uint8'``: the distance from the greatest probability, in
            nats, beyond which probabilities are not distinguished. Defaults to 20.0.
        path (str, optional): A folder for memory-mapped files, which hold two or three
            epochs. Checkpoints then contain no predictions, and a run is resumed from
            the newest one. Defaults to None: in memory, and in every checkpoint.

    Raises:
        ValueError: If there is no such format, or ``span`` is out of its range.

    Examples:
        >>> store = PredictionStore(format='uint8')
        >>> store.declare({'student.head': 3})
        >>> store.open(10, 'a data set')
        >>> store.write(torch.tensor([4]), {'student.head': torch.zeros(1, 3)})
        >>> store.end_epoch(1)
        >>> store.read(torch.tensor([4]), {'student.head': torch.eye(3)[:1]})
        {'student.head': tensor([[0.3333, 0.3333, 0.3333]])}
    """

    def __init__(
        self,
        format: str = 'float32',
        k: Optional[Count] = None,
        span: Positive = 20.0,
        path: Optional[Text] = None,
    ) -> None:
        build_codec(format, max(k or 1, 1), k, span)  # rejects wrong arguments
        if k is not None and format != 'topk':
            raise ValueError(f"`k` is of format='topk', and {format!r} has none.")
        self.format, self.k, self.span, self.path = format, k, span, path
        self._layout = RowLayout({})
        self._resumed: Optional[tuple[dict, int]] = None
        self.close()

    def close(self) -> None:
        """Release the rows. Files are kept."""
        self.epoch = 0
        self._slots: Optional[Slots] = None
        self._previous: Optional[int] = None
        self._next: Optional[int] = None
        self._pinned: Optional[str] = None

    def declare(self, taps: dict[str, int]) -> None:
        """Set the taps to keep.

        Args:
            taps (dict[str, int]): The number of classes of each tap, by the tap's text.

        Raises:
            ValueError: If k is larger than the number of classes of a tap.
            RuntimeError: If the store is open.
        """
        if self.opened:
            raise RuntimeError('an open store of past predictions has its taps.')
        self._layout = RowLayout.build(taps, self.format, self.k, self.span)

    @property
    def taps(self) -> dict[str, int]:
        """dict[str, int]: Number of classes of each tap that is kept."""
        return self._layout.meta['taps']

    @property
    def row_bytes(self) -> int:
        """int: Bytes of a sample's predictions."""
        return self._layout.row_bytes

    @property
    def opened(self) -> bool:
        """bool: Whether there are rows to read and write."""
        return self._slots is not None

    def open(self, num_samples: int, fingerprint: str, slots: int = 3) -> None:
        """Allocate the rows; resume what :meth:`load_state_dict` was given.

        Args:
            num_samples (int): Number of samples, N. Indices lie in 0 … N - 1.
            fingerprint (str): What tells the data set from others.
            slots (int): How many epochs' files are made: 2 are enough where each epoch
                is saved. In memory it is always 2. Defaults to 3.

        Raises:
            ValueError: If what is resumed is not of this store, data set and epoch.
            OSError: If there is no space for the files, or another run uses them.
            MemoryError: If there is no space in memory.
            RuntimeError: If nothing was declared.
        """
        if not self.taps:
            raise RuntimeError('no tap is declared, so there is nothing to store.')
        self.close()
        self._topology = Topology.find()
        self._gather = IndexGatherer(self._topology)
        self._meta = dict(
            self._layout.meta, num_samples=num_samples, fingerprint=fingerprint
        )
        opened = Slots(self.path, self._topology, num_samples, self.row_bytes)
        if self._resumed is not None:
            fits = partial(check_fits, *self._resumed, self._meta, opened)
            self._topology.together(fits)
        opened.allocate(2 if self.path is None else slots)
        self._owner = np.full(num_samples, -1, np.int32)
        if self._resumed is not None:
            self._restore(opened, *self._resumed)
            self._resumed = None
        self._slots = opened

    def read(self, indices: Tensor, labels: dict[str, Tensor]) -> dict[str, Tensor]:
        """Read the predictions of the epochs before.

        Args:
            indices (Tensor): Shape (B,), the samples.
            labels (dict[str, Tensor]): Shape (B, K) for each tap, probabilities:
                returned for samples that were never seen.

        Returns:
            dict[str, Tensor]: Probabilities of shape (B, K), float32, for each tap of
            ``labels``, on the labels' device.

        Raises:
            RuntimeError: If the store is not open.
            IndexError: If there is no such sample.
        """
        slots = self._require_open()
        samples = check_samples(indices, len(self._owner))
        if self._previous is None:
            return {tap: label.float() for tap, label in labels.items()}
        slot = slots[self._previous]
        rows = torch.from_numpy(slot.rows[samples])
        seen = torch.from_numpy(slot.seen[samples]).bool()
        return self._layout.decode(rows, seen, labels)

    @torch.no_grad()
    def write(self, indices: Tensor, logits: dict[str, Tensor]) -> None:
        """Keep the predictions of a step, to be read from the next epoch on.

        Args:
            indices (Tensor): Shape (B,), the samples.
            logits (dict[str, Tensor]): Shape (B, K) for each tap.

        Raises:
            RuntimeError: If the store is not open.
            IndexError: If there is no such sample.
        """
        slots = self._require_open()
        samples = check_samples(indices, len(self._owner))
        finite, parts = self._layout.encode(logits)
        everyone, ranks, positions = self._gather(np.where(finite, samples, -1))
        current = self._begin(slots) if self._next is None else self._next
        won, where = last_occurrences(everyone)
        self._owner[won] = ranks[where]
        mine = ranks[where] == self._topology.rank
        won, kept = won[mine], positions[where[mine]]
        rows, begin = slots[current].rows, 0
        for part in parts:
            end = begin + part.shape[1]
            # Positions ascend: a part of which all is kept needs no copy.
            rows[won, begin:end] = part if len(kept) == len(part) else part[kept]
            begin = end

    def end_epoch(self, epoch: int) -> None:
        """Publish this epoch's predictions for reading.

        Args:
            epoch (int): Epochs done, the one that ends included.

        Raises:
            RuntimeError: If the store is not open.
        """
        slots = self._require_open()
        current = self._begin(slots) if self._next is None else self._next
        topology, slot = self._topology, slots[current]
        topology.wait()
        if topology.num_nodes > 1:
            exchange_rows(slot.rows, self._owner, topology)
            topology.wait()
        old = None if self._previous is None else slots[self._previous]
        peers = topology.peers
        slot.complete(old, self._owner >= 0, peers.index(topology.rank), len(peers))
        topology.wait()
        slots.end(current, Entry(epoch, self._id))
        self._previous, self._next, self.epoch = current, None, epoch
        self._owner.fill(-1)

    def pin(self) -> None:
        """Keep the files of the last complete epoch until another is pinned.

        Called on the first process when a checkpoint is saved, so that it stays
        possible to resume from it.
        """
        self._pinned = self._require_open().ledger.id_of(self._previous)

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint holds.

        Returns:
            dict[str, Any]: Plain values; in memory, also the rows of the last complete
            epoch, which share the store's memory: save them before the next epoch ends.

        Raises:
            RuntimeError: If the store is not open.
        """
        slots = self._require_open()
        state = dict(meta=self._meta, epoch=self.epoch)
        state['id'] = slots.ledger.id_of(self._previous)
        if self.path is None and self._previous is not None:
            slot = slots[self._previous]
            state['rows'] = torch.from_numpy(slot.rows)
            state['seen'] = torch.from_numpy(slot.seen)
        return state

    def load_state_dict(self, state: dict[str, Any], epoch: int) -> None:
        """Resume. A state that does not fit is rejected when the store is opened.

        Args:
            state (dict[str, Any]): What :meth:`state_dict` returned.
            epoch (int): Epochs done, at which the training is resumed.

        Raises:
            RuntimeError: If the store is open.
        """
        if self.opened:
            raise RuntimeError('the state of a store is loaded before it is opened.')
        self._resumed = (state, epoch)

    def __deepcopy__(self, memo: dict) -> 'PredictionStore':
        # A copy of the model, for averages of its weights, does not copy the rows.
        return self

    def __getstate__(self) -> dict[str, Any]:
        # Rows belong to the process that opened them.
        copy = PredictionStore(self.format, self.k, self.span, self.path)
        return dict(copy.__dict__, _layout=self._layout)

    def _require_open(self) -> Slots:
        """The slots of an open store."""
        if self._slots is None:
            raise RuntimeError(
                'the store of past predictions is not open: it does not know the data '
                "set. Add `dict(type='dynkd.StoreHook')` to custom_hooks."
            )
        return self._slots

    def _begin(self, slots: Slots) -> int:
        """Take a slot for the epoch, the same one on all processes."""
        told: list[Any] = [self._pinned, uuid.uuid4().hex]
        broadcast_object_list(told)
        self._pinned, self._id = told
        pinned = slots.find(self._pinned) if self.path is not None else None
        self._next = slots.begin({self._previous, pinned})
        return self._next

    def _restore(self, slots: Slots, state: dict[str, Any], epoch: int) -> None:
        """Restore the rows of a state that was checked."""
        self.epoch, self._pinned = epoch, state['id']
        if state['id'] is None:
            return
        if 'rows' in state:
            slot = slots.begin({None})
            if self._topology.leader:
                slots[slot].rows[:] = state['rows'].cpu().numpy()
                slots[slot].seen[:] = state['seen'].cpu().numpy()
            slots.end(slot, Entry(epoch, state['id']))
        self._previous = slots.find(state['id'])
        assert self._previous is not None  # it was checked
        resumed = slots[self._previous]
        intact = partial(self._layout.check, resumed.rows, resumed.seen)
        self._topology.together(intact, leaders=True)
