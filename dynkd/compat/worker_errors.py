# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""A batch that a data-loading worker cannot hand over is an error, not a wait.

Needed by: torch up to 2.14, the newest seen, with Python up to 3.14.

Why: a worker hands its batches over in a thread, through shared memory (``/dev/shm``).
If that is full, or a sample cannot be pickled, the thread prints the error and drops
the batch, and the training waits for it forever. Where the batch is collated in the
worker, torch notices; MMEngine's ``pseudo_collate`` leaves that to this thread.

Cure: the error is handed over in the place of the batch.
"""

import functools
from multiprocessing.queues import Queue
from typing import Any, Callable

from .import_hooks import WATCHER


def apply() -> None:
    """Has workers hand over errors once torch's data loaders are imported."""
    WATCHER.after('torch.utils.data.dataloader', _hand_over_errors)


def _hand_over_errors() -> None:
    known = Queue._on_queue_feeder_error  # type: ignore[attr-defined]  # private
    Queue._on_queue_feeder_error = _handing_over(known)  # type: ignore[attr-defined]


def _handing_over(on_error: Callable[[Exception, Any], None]) -> Callable[..., None]:
    """What a queue does about an object that its thread could not send."""

    @functools.wraps(on_error)
    def wrapped(queue: Queue, error: Exception, sent: Any) -> None:
        from torch._utils import ExceptionWrapper
        from torch.utils.data import get_worker_info

        worker = get_worker_info()
        batch = isinstance(sent, tuple) and len(sent) == 2
        if worker is None or not batch or isinstance(sent[1], ExceptionWrapper):
            return on_error(error, sent)
        exc_info = type(error), error, error.__traceback__
        where = f'in DataLoader worker process {worker.id}'
        queue.put((sent[0], ExceptionWrapper(exc_info, where)))

    return wrapped
