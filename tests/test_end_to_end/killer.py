# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""A hook that kills its own run, as a machine that loses power does."""

import os
import signal

from mmengine.fileio import LocalBackend
from mmengine.hooks import Hook
from mmengine.registry import HOOKS


@HOOKS.register_module()
class Killer(Hook):
    """Kills its process where the environment's ``E2E_KILL`` says.

    ``train:7`` after the seventh training iteration; ``val:2:1`` in the validation
    after the second epoch, after its first batch; ``write:3`` when half of the bytes of
    the third epoch's checkpoint are written.
    """

    def __init__(self) -> None:
        self.where = os.environ.get('E2E_KILL', '')

    def before_run(self, runner) -> None:
        kind, _, epoch = self.where.partition(':')
        if kind == 'write':
            _die_writing(f'epoch_{epoch}.pth')

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self._die_at(f'train:{runner.iter + 1}')

    def after_val_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self._die_at(f'val:{runner.epoch}:{batch_idx + 1}')

    def _die_at(self, place: str) -> None:
        if place == self.where:
            os.kill(os.getpid(), signal.SIGKILL)


def _die_writing(name: str) -> None:
    """Die in the middle of writing a file of that name."""
    put = LocalBackend.put

    def put_half(self, obj, filepath) -> None:
        if os.path.basename(filepath) == name:
            put(self, obj[: len(obj) // 2], filepath)
            os.kill(os.getpid(), signal.SIGKILL)
        put(self, obj, filepath)

    LocalBackend.put = put_half
