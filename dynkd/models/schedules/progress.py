# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""How far a training is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Optional

from mmengine.logging import MessageHub


class _NoDrops(dict):
    """The drops of learning rates, whatever streams there are: none is known yet."""

    def __contains__(self, stream: object) -> bool:
        return True

    def __missing__(self, stream: str) -> tuple[int, ...]:
        return ()


@dataclass(frozen=True)
class Progress:
    """How far a training is.

    Args:
        epoch (int): Epochs that are done. Defaults to 0.
        iter (int): Iterations that are done. Defaults to 0.
        max_epochs (int, optional): Epochs of the whole training.
        max_iters (int, optional): Iterations of the whole training.
        by_epoch (bool): Whether the training counts epochs, else iterations. Defaults
            to True.
        lr_drops (dict[str, tuple[int, ...]], optional): The epochs (iterations, where
            the training counts those) at which each stream's learning rate drops, the
            whole training through; a plain optimizer's under the name ``''``. Streams
            whose learning rate has no steps are left out. Defaults to None: unknown,
            where no :class:`~dynkd.engine.hooks.LearningRateHook` is at work.
        lr_without_steps (dict[str, str], optional): Why, of the streams whose learning
            rate has no steps.
    """

    epoch: int = 0
    iter: int = 0
    max_epochs: Optional[int] = None
    max_iters: Optional[int] = None
    by_epoch: bool = True
    lr_drops: Optional[Mapping[str, tuple[int, ...]]] = None
    lr_without_steps: Optional[Mapping[str, str]] = None

    @classmethod
    def beginning(cls) -> 'Progress':
        """The progress of a dry run: the beginning of a training of unknown length.

        Returns:
            Progress: The progress.
        """
        # Longer than any real training, so that whatever begins later begins before its
        # end.
        return cls(max_epochs=10**9, max_iters=10**9, lr_drops=_NoDrops())

    @classmethod
    def current(cls) -> 'Progress':
        """The progress of the runner at work, which MMEngine's message hub knows.

        Returns:
            Progress: The progress; at its beginning where no runner is at work.
        """
        known = MessageHub.get_current_instance().runtime_info
        return cls(
            epoch=known.get('epoch', 0),
            iter=known.get('iter', 0),
            max_epochs=known.get('max_epochs'),
            max_iters=known.get('max_iters'),
            by_epoch=known.get('by_epoch', True),
            lr_drops=known.get('lr_drops'),
            lr_without_steps=known.get('lr_without_steps'),
        )
