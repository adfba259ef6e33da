# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""A hook that writes down all that a run ends with, in every process."""

from pathlib import Path
from typing import Any

import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

from dynkd.utils import unwrap

#: What each run has of its own.
_OWN = ('cfg', 'experiment_name', 'eta', 'mmengine_version')
#: What MMEngine counts otherwise in a run that is resumed at its end. The runner's own
#: counts are compared.
_COUNTS = ('epoch', 'iter')
#: Histories of the message hub that are the same in every run.
_SAME = ('loss', 'lr', 'accuracy', 'grad_norm', 'ratio', 'cka')


@HOOKS.register_module()
class Recorder(Hook):
    """Writes ``final.rank<N>.pt`` when the run ends."""

    priority = 'LOWEST'

    def before_run(self, runner) -> None:
        self.losses = {}

    def after_train_iter(
        self, runner, batch_idx, data_batch=None, outputs=None
    ) -> None:
        self.losses[runner.iter] = {k: float(v) for k, v in outputs.items()}

    def after_run(self, runner) -> None:
        hub = runner.message_hub
        left_out = (*_OWN, *_COUNTS)
        infos = {k: v for k, v in hub.runtime_info.items() if k not in left_out}
        for key in ('best_ckpt', 'last_ckpt'):
            infos[key] = Path(infos[key]).name
        found = dict(
            state_dict=unwrap(runner.model).state_dict(),
            optimizer=runner.optim_wrapper.state_dict(),
            schedules=_states(runner.param_schedulers),
            infos=infos,
            losses=self.losses,
            # A checkpoint has the histories of the first process, for all.
            scalars={
                key: buffer.data[0].tolist()
                for key, buffer in hub.log_scalars.items()
                if get_rank() == 0 and any(word in key for word in _SAME)
            },
            stores=_rows(runner),
            counts=(runner.epoch, runner.iter),
        )
        torch.save(found, Path(runner.work_dir) / f'final.rank{get_rank()}.pt')


def _states(schedulers: Any) -> Any:
    """The states of schedules, in lists or dictionaries of them."""
    if isinstance(schedulers, dict):
        return {name: _states(own) for name, own in schedulers.items()}
    return [schedule.state_dict() for schedule in schedulers]


def _rows(runner) -> dict[str, Any]:
    """What the stores return for each sample of the data set."""
    stores = getattr(unwrap(runner.model), 'stores', {})
    samples = torch.arange(len(runner.train_dataloader.dataset))
    return {
        name: store.read(
            samples,
            {tap: torch.zeros(len(samples), k) for tap, k in store.taps.items()},
        )
        for name, store in stores.items()
    }
