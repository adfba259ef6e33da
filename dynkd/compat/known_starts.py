# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Testing and resuming without the files that the streams started from.

Needed by: MMEngine up to 0.10.7, the last release.

Why: a runner builds its model first and loads its checkpoint afterwards. A stream loads
the weights that it starts from when it is built, so that testing or resuming a
distillation would need the teacher's first checkpoint, though the run's own checkpoint
holds the teacher as it was trained since.

Cure: a runner that will load a checkpoint tells the streams, while its model is built,
which of them are in that checkpoint. These do not look for their starting weights.
"""

import functools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Callable, Optional

from .checkpoints import load_checkpoint_file
from .import_hooks import WATCHER

_KNOWN: ContextVar[frozenset[str]] = ContextVar('known_starts', default=frozenset())


def apply() -> None:
    """Has runners tell the streams once MMEngine's is imported."""
    WATCHER.after('mmengine.runner.runner', _guard_building)


def _guard_building() -> None:
    from mmengine.runner import runner

    runner.Runner.build_model = _telling(runner.Runner.build_model)


def _telling(build: Callable) -> Callable:
    """``Runner.build_model``, which tells the streams what will be loaded."""

    @functools.wraps(build)
    def wrapped(self: Any, model: Any) -> Any:
        with loaded_later(_streams_to_load(self, model)):
            return build(self, model)

    return wrapped


@contextmanager
def loaded_later(names: frozenset[str]) -> Iterator[None]:
    """Build streams whose weights will be loaded afterwards.

    Args:
        names (frozenset[str]): Names of the streams.
    """
    token = _KNOWN.set(names)
    try:
        yield
    finally:
        _KNOWN.reset(token)


def is_loaded_later(name: str) -> bool:
    """Whether the weights of a stream will be loaded after it is built.

    Args:
        name (str): Its name.

    Returns:
        bool: Whether they will.
    """
    return name in _KNOWN.get()


def _streams_to_load(runner: Any, model: Any) -> frozenset[str]:
    """The streams that a runner's checkpoint holds, if one of them lacks its start."""
    if isinstance(model, Mapping) and isinstance(model.get('module'), Mapping):
        model = model['module']  # in a model for test-time augmentation
    streams = model.get('streams') if isinstance(model, Mapping) else None
    if not isinstance(streams, Mapping) or not any(map(_is_away, streams.values())):
        return frozenset()
    path = _checkpoint(runner)
    if path is None or ('://' not in path and not Path(path).is_file()):
        return frozenset()
    state = load_checkpoint_file(path)
    keys = [key.split('.') for key in state.get('state_dict', state)]
    return frozenset(key[1] for key in keys if key[0] == 'streams' and len(key) > 1)


def _is_away(stream: Any) -> bool:
    """Whether a trained stream starts from a file that is not on this machine."""
    if not isinstance(stream, Mapping) or stream.get('frozen'):
        return False
    start = stream.get('checkpoint')
    return isinstance(start, str) and not Path(start).is_file()


def _checkpoint(runner: Any) -> Optional[str]:
    """The checkpoint that a runner will load after its model is built."""
    if runner._resume and runner._load_from is None:
        from mmengine.runner.checkpoint import find_latest_checkpoint

        return find_latest_checkpoint(runner.work_dir)
    return runner._load_from
