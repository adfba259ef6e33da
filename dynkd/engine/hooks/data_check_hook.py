# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Checks that the training's data are what the transfers need."""

from typing import Optional

import torch.nn as nn
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from dynkd.registry import HOOKS
from dynkd.utils import first_data_sample, unwrap


@HOOKS.register_module()
class DataCheckHook(Hook):
    """Checks that the training's data are what the transfers need, before the first
    step.

    A model is built before its data loader. What its losses and connectors need of the
    data is checked here: those with a method ``check_batch_size(batch_size)``, such as
    :class:`~dynkd.models.connectors.CKARatio`, are given the images of a batch and
    process, and those with ``check_data_sample(sample)``, such as
    :class:`~dynkd.models.losses.FGDLoss`, the first data sample of the training, as
    its pipeline packs it. They raise a ``ValueError`` or an ``AttributeError`` where it
    does not do. Transfers of later phases are checked too. Random numbers stay as they
    are.
    """

    def before_train(self, runner: Runner) -> None:
        """Check the training's data.

        Args:
            runner (Runner): The runner.

        Raises:
            ValueError: If a transfer cannot work with them; the message says which,
                why, and what would help.
        """
        transfers = getattr(unwrap(runner.model), 'transfers', {})
        for name, transfer in transfers.items():
            for module in transfer.modules():
                try:
                    _check(module, runner.train_dataloader)
                except (AttributeError, ValueError) as error:
                    raise ValueError(
                        f'transfer `{name}` ({transfer}): {error}'
                    ) from error


def _check(module: nn.Module, loader: DataLoader) -> None:
    """Let a module check the data, if it needs something of them."""
    size = _batch_size(loader)
    if size is not None and hasattr(module, 'check_batch_size'):
        module.check_batch_size(size)
    if hasattr(module, 'check_data_sample'):
        module.check_data_sample(first_data_sample(loader.dataset))


def _batch_size(loader: DataLoader) -> Optional[int]:
    """Samples of a batch, or None where its sampler does not say."""
    # A sampler of batches, such as those by aspect ratio, leaves the loader none.
    return loader.batch_size or getattr(loader.batch_sampler, 'batch_size', None)
