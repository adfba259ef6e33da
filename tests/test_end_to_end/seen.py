# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""A hook that writes down which model each process validates."""

from pathlib import Path

import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

from dynkd.utils import unwrap


@HOOKS.register_module()
class Seen(Hook):
    """Writes ``val_<epoch>_<rank>.pth``: the weights and buffers that are validated."""

    priority = 'LOWEST'

    def after_val_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        path = Path(runner.work_dir) / f'val_{runner.epoch}_{get_rank()}.pt'
        torch.save(unwrap(runner.model).state_dict(), path)
