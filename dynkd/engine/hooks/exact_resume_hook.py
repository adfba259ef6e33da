# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Makes a resumed run equal to one that was never stopped."""

import logging
from typing import Any, Optional

from mmengine.dist import (
    broadcast,
    broadcast_object_list,
    get_rank,
    get_world_size,
)
from mmengine.hooks import CheckpointHook, Hook
from mmengine.logging import MessageHub, print_log
from mmengine.runner import EpochBasedTrainLoop, Runner

from dynkd.registry import HOOKS
from dynkd.utils import seed_everything, unwrap

from .seeded_batches import SeededBatches


@HOOKS.register_module()
class ExactResumeHook(Hook):
    """Makes a resumed run equal to one that was never stopped.

    MMEngine restores weights, optimizers, schedulers and counters, but not random
    numbers. This hook seeds Python, NumPy and torch at the beginning of each epoch and
    each iteration with a function of (seed, epoch, iteration, rank), so that there is
    no state to restore. Data-loading workers follow with
    ``worker_init_fn=dict(type='dynkd.seed_worker')`` and ``persistent_workers=False``.
    In a training that counts iterations, each batch is seeded too, since the resumed
    one passes over those that it has had.

    A checkpoint is written before the validation of its epoch. Where a learning-rate
    schedule follows a metric (``ReduceOnPlateauLR``) or the best checkpoint is kept
    (``save_best``), the resumed run validates first, since what is resumed has not seen
    that validation.

    A checkpoint holds the running statistics of the first of several processes. So all
    of them take these over at the end of each epoch, where a checkpoint is saved by
    iterations, and before each validation: a resumed run has them everywhere, and the
    metrics are those of what is saved.
    """

    # After the runner's own bookkeeping, before anything that draws random numbers.
    priority = 'VERY_HIGH'

    def __init__(self) -> None:
        self._validated_iter: Optional[int] = None
        self._resumed_validated = True
        self._validation_due = False

    def before_train(self, runner: Runner) -> None:
        """Publish the seed of the run; warn if resuming cannot be exact.

        Whatever must draw the same in all processes, such as the paths of
        :class:`~dynkd.models.methods.iakd.InteractiveDistillation`, reads ``seed`` from
        the message hub.

        Args:
            runner (Runner): The runner.
        """
        # With `diff_rank_seed` each process has another: the first one's holds.
        seed = [runner.seed]
        broadcast_object_list(seed)
        MessageHub.get_current_instance().update_info('seed', seed[0])
        loop, loader = runner.train_loop, runner.train_dataloader
        if hasattr(loop, 'dataloader_iterator'):
            _seed_batches(runner)
            if runner.iter and getattr(loop, 'fast_forward_on_resume', False):
                _warn(
                    'This resumed run is not exact: it starts with the first batches '
                    'again. Leave out `fast_forward_on_resume` in train_cfg.'
                )
        elif loader.num_workers and loader.persistent_workers:
            _warn(
                'Resuming this run will not be exact: its data-loading workers persist '
                'over epochs. Set `persistent_workers=False` and '
                "`worker_init_fn=dict(type='dynkd.seed_worker')` in train_dataloader."
            )
        by_epoch = isinstance(loop, EpochBasedTrainLoop)
        # A checkpoint by iterations, also of an epoch's last one, knows that epoch as
        # not done.
        begun = by_epoch and runner.iter != runner.epoch * len(loader)
        if begun:
            _warn(
                f'Resumed within epoch {runner.epoch + 1}, which starts again: the '
                'result will differ a little from a run that was never stopped. Save '
                'checkpoints by epoch.'
            )
        unseen = runner.iter and not begun and not self._resumed_validated
        self._validation_due = bool(
            unseen and _follows_metric(runner) and _validates_here(runner)
        )

    def before_train_epoch(self, runner: Runner) -> None:
        """Run the missed validation; seed what is drawn for the epoch: the workers and
        the first batch.

        Args:
            runner (Runner): The runner.
        """
        # Not in `before_train`: hooks that run after this one are not ready there.
        self._catch_up(runner)
        seed_everything(runner.seed, 0, runner.epoch, get_rank())

    def after_train(self, runner: Runner) -> None:
        """Run the missed validation where nothing was left to train.

        Args:
            runner (Runner): The runner.
        """
        self._catch_up(runner)

    def _catch_up(self, runner: Runner) -> None:
        """Run the validation that the resumed state has not seen, once."""
        if self._validation_due:
            self._validation_due = False
            print_log(
                'Validating first: the resumed state has not seen the validation of '
                'its epoch.',
                logger='current',
            )
            runner.val_loop.run()

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None
    ) -> None:
        """Seed what is drawn in the iteration.

        Args:
            runner (Runner): The runner.
            batch_idx (int): Index of the batch in the epoch.
            data_batch (dict, optional): The batch.
        """
        seed_everything(runner.seed, 1, runner.iter, get_rank())

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Optional[dict] = None,
    ) -> None:
        """Let all processes have the buffers that are about to be saved.

        Args:
            runner (Runner): The runner.
            batch_idx (int): Index of the batch in the epoch.
            data_batch (dict, optional): The batch.
            outputs (dict, optional): The losses.
        """
        if _saves_now(runner):
            _share_buffers(runner)

    def after_train_epoch(self, runner: Runner) -> None:
        """Let all processes have the buffers that are about to be saved.

        Args:
            runner (Runner): The runner.
        """
        _share_buffers(runner)

    def before_val_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None
    ) -> None:
        """Let all processes validate the same model.

        Args:
            runner (Runner): The runner.
            batch_idx (int): Index of the batch.
            data_batch (dict, optional): The batch.
        """
        # Not before the epoch: an average of the weights takes their place there.
        if batch_idx == 0:
            _share_buffers(runner)

    def after_val_epoch(
        self, runner: Runner, metrics: Optional[dict[str, float]] = None
    ) -> None:
        """Note that the schedules have seen this validation.

        Args:
            runner (Runner): The runner.
            metrics (dict[str, float], optional): The metrics.
        """
        self._validated_iter = runner.iter

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Save whether the state that is saved has been validated.

        Args:
            runner (Runner): The runner.
            checkpoint (dict): The checkpoint.
        """
        # Within an iteration, the runner's own count is one behind what is saved.
        meta = checkpoint['meta']
        meta['validated'] = self._validated_iter == meta['iter']

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Read whether the state that is resumed has been validated.

        Args:
            runner (Runner): The runner.
            checkpoint (dict): The checkpoint.
        """
        self._resumed_validated = checkpoint.get('meta', {}).get('validated', True)


def _share_buffers(runner: Runner) -> None:
    """Give all processes the buffers of the first one, as a checkpoint has them."""
    if get_world_size() == 1:
        return
    model = unwrap(runner.model)
    parameters = {name for name, _ in model.named_parameters()}
    for name, value in model.state_dict().items():
        if name not in parameters:
            broadcast(value)


def _saves_now(runner: Runner) -> bool:
    """Whether a checkpoint is saved after this iteration, by iterations."""
    savers = (hook for hook in runner.hooks if isinstance(hook, CheckpointHook))
    return any(
        saver.every_n_train_iters(runner, saver.interval, saver.save_begin)
        or (saver.save_last and saver.is_last_train_iter(runner))
        for saver in savers
        if not saver.by_epoch
    )


def _warn(message: str) -> None:
    """Log a warning."""
    print_log(message, logger='current', level=logging.WARNING)


def _seed_batches(runner: Runner) -> None:
    """Seed each batch of a training that counts iterations."""
    loop = runner.train_loop
    batches = loop.dataloader_iterator
    if not isinstance(batches, SeededBatches):  # as it is where `train` runs again
        workers = loop.dataloader.num_workers
        loop.dataloader_iterator = SeededBatches(
            batches, workers, runner.seed, get_rank()
        )


def _validates_here(runner: Runner) -> bool:
    """Whether the training validates at the point that it has reached."""
    loop = runner.train_loop
    if runner.val_loop is None:
        return False
    # It follows `dynamic_intervals` only after the next epoch, or iteration.
    if hasattr(loop, '_decide_current_val_interval'):
        loop._decide_current_val_interval()
    if isinstance(loop, EpochBasedTrainLoop):
        done, end = runner.epoch, loop.max_epochs
    else:
        done, end = runner.iter, loop.max_iters
    return done >= loop.val_begin and (done % loop.val_interval == 0 or done == end)


def _follows_metric(runner: Runner) -> bool:
    """Whether a parameter schedule or the best checkpoint follows a metric."""
    if any(getattr(hook, 'save_best', None) for hook in runner.hooks):
        return True
    schedulers = runner.param_schedulers or []
    if isinstance(schedulers, dict):
        schedulers = [s for own in schedulers.values() for s in own]
    return any(getattr(scheduler, 'need_val_args', False) for scheduler in schedulers)
