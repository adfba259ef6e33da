# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Shows on the screen how far a run is, also between two lines of its log."""

import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Optional

from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop, Runner

from dynkd.registry import HOOKS
from dynkd.utils.kinds import Positive


@HOOKS.register_module()
class ProgressHook(Hook):
    """Shows on the screen how far a run is, also between two lines of its log.

    A log of every hundredth iteration says nothing for minutes where iterations are
    slow. This prints a line every few seconds: epoch, iteration, loss, seconds of an
    iteration and the time that is left; in a validation, how many batches are done. The
    log file does not get these lines. The tools add this hook.

    Args:
        seconds (float): Time between two lines. Defaults to 10.
    """

    priority = 'VERY_LOW'

    def __init__(self, seconds: Positive = 10.0) -> None:
        self.seconds = seconds
        self._shown = 0.0
        self._begin = 0.0
        self._paused = 0.0
        self._first = 0

    def before_train(self, runner: Runner) -> None:
        """Start the clock.

        Args:
            runner (Runner): The runner.
        """
        self._first = runner.iter
        self._shown = self._begin = time.monotonic()

    def before_val(self, runner: Runner) -> None:
        """Start the clock of a validation.

        Args:
            runner (Runner): The runner.
        """
        self._paused = time.monotonic()

    def after_val(self, runner: Runner) -> None:
        """Leave the validation out of the time of an iteration.

        Args:
            runner (Runner): The runner.
        """
        self._begin += time.monotonic() - self._paused

    @master_only
    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Optional[dict] = None,
    ) -> None:
        """Show the progress of the training, if it is time.

        Args:
            runner (Runner): The runner.
            batch_idx (int): Index of the batch.
            data_batch (dict, optional): The batch.
            outputs (dict, optional): The losses.
        """
        now = time.monotonic()
        if now - self._shown < self.seconds:
            return
        done = runner.iter + 1
        each = (now - self._begin) / max(done - self._first, 1)
        left = timedelta(seconds=round(each * (runner.max_iters - done)))
        # To read the loss is to wait for the accelerator, every few seconds.
        loss = '' if not outputs else f'  loss {float(outputs["loss"].detach()):.4g}'
        place = f'iteration {done}/{runner.max_iters}'
        if isinstance(runner.train_loop, EpochBasedTrainLoop):
            size = len(runner.train_dataloader)
            place = (
                f'epoch {runner.epoch + 1}/{runner.max_epochs}, '
                f'iteration {batch_idx + 1}/{size}'
            )
        self._show(f'{place}{loss}  {each:.3g} s each, {left} left')

    @master_only
    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Optional[Sequence] = None,
    ) -> None:
        """Show the progress of a validation, if it is time.

        Args:
            runner (Runner): The runner.
            batch_idx (int): Index of the batch.
            data_batch (dict, optional): The batch.
            outputs (sequence, optional): The predictions.
        """
        if time.monotonic() - self._shown >= self.seconds:
            total = len(runner.val_dataloader)
            self._show(f'validation, batch {batch_idx + 1}/{total}')

    def _show(self, line: str) -> None:
        """Print a line, and remember when."""
        print(f'  {line}', flush=True)
        self._shown = time.monotonic()
