# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Steps of two processes, without the hook and with it: ``torchrun … FOLDER``.

The folder has ``model.py``; what each process found is written there.
"""

import copy
import sys
from pathlib import Path
from types import SimpleNamespace

import torch
from mmengine.config import Config
from mmengine.dist import get_rank
from mmengine.logging import MessageHub
from mmengine.model import MMDistributedDataParallel
from mmpretrain.structures import DataSample

from dynkd.compat import init_cpu_process_group, leave_process_group
from dynkd.engine.hooks import GradientCosineHook
from dynkd.engine.optimizers import StreamOptimWrapperConstructor
from dynkd.registry import MODELS

STEPS = 2


def train(model: torch.nn.Module, hooks: list) -> tuple[dict, dict]:
    """Take some steps; return the state and what the last one logged."""
    wrapped = MMDistributedDataParallel(copy.deepcopy(model), device_ids=None)
    sgd = dict(optimizer=dict(type='SGD', lr=0.1))
    settings = dict(type='OptimWrapper', streams=dict(teacher=sgd, student=sgd))
    runner = SimpleNamespace(
        model=wrapped,
        optim_wrapper=StreamOptimWrapperConstructor(settings)(wrapped),
        cfg={},
        iter=0,
    )
    for hook in hooks:
        hook.before_train(runner)
    for step in range(STEPS):
        torch.manual_seed(10 * step + get_rank())
        images = torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8)
        samples = [DataSample().set_gt_label(label) for label in range(4)]
        for hook in hooks:
            hook.before_train_iter(runner, step)
        batch = dict(inputs=images, data_samples=samples)
        runner.iter = step
        logged = wrapped.train_step(batch, runner.optim_wrapper)
        for hook in hooks:
            hook.after_train_iter(runner, step)
    return wrapped.module.state_dict(), logged


def main() -> None:
    folder = Path(sys.argv[1])
    torch.set_num_threads(1)
    init_cpu_process_group('pytorch', timeout=120)
    MessageHub.get_instance('cosines')
    torch.manual_seed(0)
    model = MODELS.build(Config.fromfile(folder / 'model.py').model)
    model.init_weights()
    model.train()
    plain, _ = train(model, [])
    measured, logged = train(model, [GradientCosineHook(interval=1)])
    cosines = {key: float(own) for key, own in logged.items() if key.endswith('/cos')}
    found = dict(plain=plain, measured=measured, cosines=cosines)
    torch.save(found, folder / f'found.{get_rank()}')
    leave_process_group()


if __name__ == '__main__':
    main()
