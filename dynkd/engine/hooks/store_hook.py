# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Opens stores, rotates them at each epoch, saves and resumes them."""

from pathlib import Path
from typing import Any

from mmengine.hooks import CheckpointHook, Hook
from mmengine.runner import EpochBasedTrainLoop, Runner
from torch import Tensor

from dynkd.models.stores import (
    PredictionStore,
    base_dataset,
    check_sample_idx,
    dataset_fingerprint,
)
from dynkd.models.stores.topology import retold
from dynkd.registry import HOOKS
from dynkd.utils import unwrap

#: Entries of each store in a checkpoint.
_STATE = {'meta', 'epoch', 'id'}


@HOOKS.register_module()
class StoreHook(Hook):
    """Opens stores, rotates them at each epoch, saves and resumes them.

    Source: DTSKD, Algorithm 1, where the predictions of an epoch become the history of
    the next one. A model without stores is left alone.

    The samples of the training's data set carry ``sample_idx`` (MMPretrain's
    ``PackInputs`` does so by default). It may be wrapped by ``RepeatDataset``,
    ``ClassBalancedDataset``, ``KFoldDataset`` or a subset; concatenated data sets and
    mixed images (mixup, CutMix) are rejected.

    A checkpoint holds the rows of a store in memory. For one in files it says which
    epoch's files it goes with: those of the checkpoint with an optimizer that was saved
    last are kept, and a run is resumed from that one. Files that were damaged, and rows
    that are NaN, are refused on resuming.
    """

    # Before the checkpoint of the epoch is saved.
    priority = 'NORMAL'

    def __init__(self) -> None:
        self._loaded: dict[str, dict] = {}

    def before_train(self, runner: Runner) -> None:
        """Open the stores.

        Args:
            runner (Runner): The runner.

        Raises:
            ValueError: If a store cannot go with the data set, the loop, or the
                checkpoint that is resumed.
            OSError: If there is no space for a store's files.
            MemoryError: If there is no space for it in memory.
        """
        stores = _stores(runner)
        if not stores:
            return
        if not isinstance(runner.train_loop, EpochBasedTrainLoop):
            raise ValueError(
                f'{type(runner.train_loop).__name__} has no epochs, at whose end a '
                'store publishes the predictions of an epoch for reading. Train '
                'with `train_cfg=dict(by_epoch=True, max_epochs=…)`.'
            )
        _check_paths(stores)
        dataset = runner.train_dataloader.dataset
        base = base_dataset(dataset)
        check_sample_idx(dataset)
        fingerprint = dataset_fingerprint(base)
        for name, store in stores.items():
            if runner.epoch:
                store.load_state_dict(self._state(name), runner.epoch)
            try:
                store.open(len(base), fingerprint, slots=_slots(runner))
            except (ValueError, OSError, MemoryError) as error:
                raise retold(error, f'store `{name}`: ') from error
        # The rows have been copied; the memory may be needed.
        self._loaded = {}

    def after_train_epoch(self, runner: Runner) -> None:
        """Publish this epoch's predictions for reading.

        Args:
            runner (Runner): The runner.
        """
        for store in _stores(runner).values():
            # The runner counts the epoch after this.
            store.end_epoch(runner.epoch + 1)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Save the stores.

        Args:
            runner (Runner): The runner.
            checkpoint (dict): The checkpoint.
        """
        stores = _stores(runner).items()
        opened = {name: store for name, store in stores if store.opened}
        if opened:
            states = {name: store.state_dict() for name, store in opened.items()}
            checkpoint['stores'] = states
        # The best checkpoints have no optimizer: no run is resumed from them.
        if 'optimizer' in checkpoint:
            for store in opened.values():
                store.pin()

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Keep what the checkpoint holds until the stores are opened.

        Args:
            runner (Runner): The runner.
            checkpoint (dict): The checkpoint.
        """
        # The runner loads checkpoints onto its device.
        self._loaded = _to_cpu(checkpoint.pop('stores', {}))
        for name, state in self._loaded.items():
            if not isinstance(state, dict) or not _STATE.issubset(state):
                raise ValueError(
                    f'store `{name}`: what the checkpoint holds of it is damaged.'
                )

    def _state(self, name: str) -> dict[str, Any]:
        """What the checkpoint that is resumed holds of a store."""
        if name not in self._loaded:
            raise ValueError(
                f'store `{name}`: the checkpoint that is resumed holds nothing of it: '
                'it was saved by a run without this store or without StoreHook. Start '
                'a new run from its weights: `load_from` without `resume`.'
            )
        return self._loaded[name]


def _stores(runner: Runner) -> dict[str, PredictionStore]:
    """The stores of the runner's model, if it has any."""
    return getattr(unwrap(runner.model), 'stores', {})


def _check_paths(stores: dict[str, PredictionStore]) -> None:
    """Reject two stores in one folder."""
    owners: dict[Path, str] = {}
    for name, store in stores.items():
        if store.path is not None:
            folder = Path(store.path).expanduser().resolve()
            other = owners.setdefault(folder, name)
            if other != name:
                raise ValueError(
                    f'stores `{other}` and `{name}` have the same path, {store.path}. '
                    'Give each a folder of its own.'
                )


def _slots(runner: Runner) -> int:
    """How many epochs a store in files holds: what is read, what is written, and what
    the last checkpoint needs, if that is not what is read."""
    savers = [hook for hook in runner.hooks if isinstance(hook, CheckpointHook)]
    return 2 if any(_saves_each_epoch(saver) for saver in savers) else 3


def _saves_each_epoch(saver: CheckpointHook) -> bool:
    """Whether a run can be resumed after each epoch."""
    return saver.by_epoch and saver.interval == 1 and saver.save_optimizer


def _to_cpu(value: Any) -> Any:
    """Move the tensors in nested dictionaries to main memory."""
    if isinstance(value, dict):
        return {key: _to_cpu(own) for key, own in value.items()}
    return value.cpu() if isinstance(value, Tensor) else value
