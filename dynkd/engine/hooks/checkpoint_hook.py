# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Saves checkpoints so that an interruption never costs more than its epoch."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Optional

from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook as _CheckpointHook
from mmengine.logging import print_log
from mmengine.runner import Runner

from dynkd.registry import HOOKS
from dynkd.utils import not_finite, unwrap
from dynkd.utils.atomic import PARTIAL, replacing


@HOOKS.register_module()
class CheckpointHook(_CheckpointHook):
    """Saves checkpoints so that an interruption never costs more than its epoch.

    Like MMEngine's hook of this name, with all its options, also for plain models. In
    addition, a checkpoint is written under a temporary name, flushed to disk and
    renamed, and so is ``last_checkpoint``; and the checkpoint that it replaces (the
    oldest beyond ``max_keep_ckpts``, the best so far) is removed only after the new one
    is complete. Weights that are not finite are not saved.

    In a work directory on another machine (``s3://…``), files are written as its
    backend does.
    """

    # Of MMEngine's hook, which does not say their types.
    backend_args: Optional[dict]
    file_backend: Any

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
            for partial in Path(self.out_dir).glob(f'*.pth{PARTIAL}'):
                partial.unlink(missing_ok=True)

    def _save_checkpoint(self, runner: Runner) -> None:
        """Save a checkpoint, of weights that are finite."""
        if _is_finite(runner):
            super()._save_checkpoint(runner)

    def _save_checkpoint_with_step(
        self, runner: Runner, step: int, meta: dict[str, Any]
    ) -> None:
        """Save a checkpoint, then say that it is the last, then remove the oldest."""
        oldest = self._superseded(runner, step)
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
        if not is_main_process():
            return
        with replacing(Path(runner.work_dir) / 'last_checkpoint') as file:
            file.write(self.last_ckpt.encode())
        if oldest is not None:
            self._remove(oldest)

    def _superseded(self, runner: Runner, step: int) -> Optional[str]:
        """The checkpoint that is one too many with this one."""
        if self.max_keep_ckpts <= 0 or step in list(self.keep_ckpt_ids)[-1:]:
            return None
        oldest = None
        if len(self.keep_ckpt_ids) == self.max_keep_ckpts:
            name = self.filename_tmpl.format(self.keep_ckpt_ids.popleft())
            oldest = self.file_backend.join_path(self.out_dir, name)
        self.keep_ckpt_ids.append(step)
        runner.message_hub.update_info('keep_ckpt_ids', list(self.keep_ckpt_ids))
        return oldest

    def _save_best_checkpoint(self, runner: Runner, metrics: dict[str, float]) -> None:
        """Save the best checkpoint, then remove the one that was the best before."""
        if _is_finite(runner):
            with self._removing_at_the_end():
                super()._save_best_checkpoint(runner, metrics)

    @contextmanager
    def _removing_at_the_end(self) -> Iterator[None]:
        """Postpone removals until everything is written."""
        own, self.file_backend = self.file_backend, _Postponed(self.file_backend)
        postponed = self.file_backend.removed
        try:
            yield
        finally:
            self.file_backend = own
        kept = {self.last_ckpt, getattr(self, 'best_ckpt_path', None)}
        kept.update(getattr(self, 'best_ckpt_path_dict', {}).values())
        for path in postponed:
            # The best so far may have been written again under its own name.
            if path not in kept:
                self._remove(path)

    def _remove(self, path: str) -> None:
        """Remove a checkpoint, which is a folder if DeepSpeed has written it."""
        if self.file_backend.isfile(path):
            self.file_backend.remove(path)
        elif self.file_backend.isdir(path):
            self.file_backend.rmtree(path)


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
    """

    def __init__(self, backend: Any) -> None:
        self._backend = backend
        self.removed: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)

    def remove(self, path: str) -> None:
        """Remember to remove a file."""
        self.removed.append(path)

    rmtree = remove
