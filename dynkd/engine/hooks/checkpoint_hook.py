# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Saves checkpoints so that an interruption never costs more than its epoch."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Optional

from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook as _CheckpointHook
from mmengine.logging import print_log
from mmengine.runner import Runner

from dynkd.compat.resuming import own_checkpoint
from dynkd.registry import HOOKS
from dynkd.utils import not_finite, unwrap
from dynkd.utils.atomic import PARTIAL, write_text

#: Where the message hub, and so a checkpoint, names what is about to be removed.
_DOOMED = 'doomed_ckpts'
#: The file that names the last checkpoint, as MMEngine calls it.
_LAST = 'last_checkpoint'


@HOOKS.register_module()
class CheckpointHook(_CheckpointHook):
    """Saves checkpoints so that an interruption never costs more than its epoch.

    Like MMEngine's hook of this name, with all its options, also for plain models. In
    addition, a checkpoint is written under a temporary name, flushed to disk and
    renamed, and so is ``last_checkpoint``; and the checkpoint that it replaces (the
    oldest beyond ``max_keep_ckpts``, the best so far) is removed only after the new one
    is complete. Weights that are not finite are not saved.

    With ``every_epoch``, an interruption costs one epoch also where ``interval`` is
    long: the last finished epoch is saved too, and removed when the next one is.

    In a work directory on another machine (``s3://…``), files are written as its
    backend does.

    Args:
        *args (Any): As MMEngine's hook.
        every_epoch (bool): Whether the last finished epoch has a checkpoint also where
            ``interval`` leaves it out. Defaults to False.
        **kwargs (Any): As MMEngine's hook.

    Raises:
        ValueError: If ``every_epoch`` is set and iterations are counted.
    """

    # Of MMEngine's hook, which does not say their types.
    backend_args: Optional[dict]
    file_backend: Any
    interval: int
    save_begin: int

    def __init__(self, *args: Any, every_epoch: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if every_epoch and not self.by_epoch:
            raise ValueError(
                'CheckpointHook: `every_epoch` needs checkpoints that are saved by '
                'epochs; leave it out, or set `by_epoch=True`.'
            )
        self.every_epoch = every_epoch
        #: The epoch whose checkpoint is removed when the next is saved.
        self._passing: Optional[int] = None

    def before_train(self, runner: Runner) -> None:
        """Find out where to write.

        Args:
            runner (Runner): The runner.
        """
        folder = str(self.out_dir or runner.work_dir)
        local = '://' not in folder and self.file_client_args is None
        if local and self.backend_args is None:
            self.backend_args = dict(backend='dynkd')
        super().before_train(runner)
        if local and is_main_process():
            # What a killed run was writing.
            (Path(runner.work_dir) / f'{_LAST}{PARTIAL}').unlink(missing_ok=True)
            for partial in Path(self.out_dir).glob(f'*.pth{PARTIAL}'):
                partial.unlink(missing_ok=True)
        # A new best one is written into the last one too, also after resuming.
        self.last_ckpt = runner.message_hub.runtime_info.get('last_ckpt')
        self._passing = None
        if self.last_ckpt and runner.epoch and not self._stays(runner, runner.epoch):
            self._passing = runner.epoch
        self._remove_left(runner)

    def after_train_epoch(self, runner: Runner) -> None:
        """Save a checkpoint at the intervals, or each epoch.

        Args:
            runner (Runner): The runner.
        """
        if self._stays(runner, runner.epoch + 1):
            super().after_train_epoch(runner)
        else:
            self._save_checkpoint(runner)

    def _stays(self, runner: Runner, epoch: int) -> bool:
        """Whether an epoch is not one that ``every_epoch`` alone saves."""
        if not self.every_epoch or (self.save_last and epoch == runner.max_epochs):
            return True
        begun = epoch - self.save_begin
        return self.interval > 0 and begun >= 0 and begun % self.interval == 0

    def _save_checkpoint(self, runner: Runner) -> None:
        """Save a checkpoint, of weights that are finite."""
        if _is_finite(runner):
            super()._save_checkpoint(runner)

    def _save_checkpoint_with_step(
        self, runner: Runner, step: int, meta: dict[str, Any]
    ) -> None:
        """Save a checkpoint, say that it is the last, and remove what it replaces."""
        superseded = self._superseded(runner, step)
        for path in superseded:
            self._doom(runner, path)
        name = self.filename_tmpl.format(step)
        self.last_ckpt = self.file_backend.join_path(self.out_dir, name)
        runner.message_hub.update_info('last_ckpt', self.last_ckpt)
        runner.save_checkpoint(
            self.out_dir,
            name,
            self.file_client_args,
            save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler,
            meta=meta,
            by_epoch=self.by_epoch,
            backend_args=self.backend_args,
            **self.args,
        )
        if is_main_process():
            write_text(Path(runner.work_dir) / _LAST, self.last_ckpt)
        for path in superseded:
            self._remove(runner, path)

    def _superseded(self, runner: Runner, step: int) -> list[str]:
        """The checkpoints that are too many with this one."""
        steps = [] if self._passing in (None, step) else [self._passing]
        self._passing = None if self._stays(runner, step) else step
        counts = self._passing is None and self.max_keep_ckpts > 0
        if counts and step not in list(self.keep_ckpt_ids)[-1:]:
            if len(self.keep_ckpt_ids) == self.max_keep_ckpts:
                steps.append(self.keep_ckpt_ids.popleft())
            self.keep_ckpt_ids.append(step)
            runner.message_hub.update_info('keep_ckpt_ids', list(self.keep_ckpt_ids))
        names = (self.filename_tmpl.format(step) for step in steps)
        return [self.file_backend.join_path(self.out_dir, name) for name in names]

    def _save_best_checkpoint(self, runner: Runner, metrics: dict[str, float]) -> None:
        """Save the best checkpoint, then remove the one that was the best before."""
        if _is_finite(runner):
            with self._removing_at_the_end(runner):
                super()._save_best_checkpoint(runner, metrics)

    @contextmanager
    def _removing_at_the_end(self, runner: Runner) -> Iterator[None]:
        """Postpone removals until everything is written."""
        own, postponed = self.file_backend, []

        def postpone(path: str) -> None:
            self._doom(runner, path)
            postponed.append(path)

        self.file_backend = _Postponed(own, postpone)
        try:
            yield
        finally:
            self.file_backend = own
        for path in postponed:
            self._remove(runner, path)

    def _doom(self, runner: Runner, path: str) -> None:
        """Let the checkpoints that are saved from now on name one that is to go."""
        hub = runner.message_hub
        hub.update_info(_DOOMED, [*hub.runtime_info.get(_DOOMED, []), path])

    def _remove_left(self, runner: Runner) -> None:
        """Remove what a run was about to remove when it was killed."""
        doomed = runner.message_hub.runtime_info.get(_DOOMED, [])
        runner.message_hub.update_info(_DOOMED, [])
        for path in doomed if isinstance(doomed, list) else []:
            # Of the paths in a checkpoint, only the run's own are accepted.
            own = own_checkpoint(self, runner.work_dir, path)
            if own is not None:
                self._remove(runner, own)

    def _remove(self, runner: Runner, path: str) -> None:
        """Remove a checkpoint, which is a folder if DeepSpeed has written it."""
        # The best so far may have been written again under its own name.
        if is_main_process() and path not in self._kept(runner):
            if self.file_backend.isfile(path):
                self.file_backend.remove(path)
            elif self.file_backend.isdir(path):
                self.file_backend.rmtree(path)
        hub = runner.message_hub
        left = [other for other in hub.runtime_info.get(_DOOMED, []) if other != path]
        hub.update_info(_DOOMED, left)

    def _kept(self, runner: Runner) -> set[Optional[str]]:
        """The checkpoints that are not removed."""
        kept = {runner.message_hub.runtime_info.get('last_ckpt')}
        kept.add(getattr(self, 'best_ckpt_path', None))
        kept.update(getattr(self, 'best_ckpt_path_dict', {}).values())
        return kept


def _is_finite(runner: Runner) -> bool:
    """Whether the weights may be saved; says why where they may not."""
    name = not_finite(unwrap(runner.model).state_dict())
    if name is not None:
        print_log(
            f'No checkpoint is saved: `{name}` is not finite.',
            logger='current',
            level=logging.ERROR,
        )
    return name is None


class _Postponed:
    """A file backend that removes nothing, but remembers what should be removed.

    Args:
        backend (BaseStorageBackend): The backend.
        postpone (Callable): Receives the path of what should be removed.
    """

    def __init__(self, backend: Any, postpone: Callable[[str], None]) -> None:
        self._backend = backend
        self._postpone = postpone

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)

    def remove(self, path: str) -> None:
        """Remember to remove a file."""
        self._postpone(path)

    rmtree = remove
