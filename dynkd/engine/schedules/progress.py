# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""How far a training is."""

from dataclasses import dataclass
from typing import Optional

from mmengine.logging import MessageHub


@dataclass(frozen=True)
class Progress:
    """How far a training is.

    Args:
        epoch (int): Epochs that are done. Defaults to 0.
        iter (int): Iterations that are done. Defaults to 0.
        max_epochs (int, optional): Epochs of the whole training.
        max_iters (int, optional): Iterations of the whole training.
    """

    epoch: int = 0
    iter: int = 0
    max_epochs: Optional[int] = None
    max_iters: Optional[int] = None

    @classmethod
    def current(cls) -> 'Progress':
        """The progress of the runner at work, which MMEngine's message hub knows.

        Returns:
            Progress: The progress; at its beginning where no runner is at work.
        """
        hub = MessageHub.get_current_instance()
        return cls(
            epoch=hub.get_info('epoch', 0),
            iter=hub.get_info('iter', 0),
            max_epochs=hub.get_info('max_epochs'),
            max_iters=hub.get_info('max_iters'),
        )
