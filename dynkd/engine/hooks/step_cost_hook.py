# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Measures what a step of a training costs."""

import json
import statistics
import time
from pathlib import Path
from typing import Any, Optional

import torch.nn as nn
from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.runner import Runner

from dynkd.models.streams import BRANCHES
from dynkd.registry import HOOKS
from dynkd.utils import unwrap
from dynkd.utils.atomic import write_text

#: The first steps allocate, and are left out of the medians where there are others.
WARM_UP = 5


@HOOKS.register_module()
class StepCostHook(Hook):
    """Measures the wall and CPU time of a training step, and counts parameters.

    Writes ``step_cost.json`` into the work directory after each epoch and at the end::

        {'steps': 99, 'wall': 0.6, 'cpu': 0.5, 'parameters': {'student': 12345}}

    ``wall`` and ``cpu`` are medians in seconds, over the steps since the process began:
    forward and backward pass and the update, without loading the batch. ``cpu`` is that
    of all threads of the process, so it depends little on what else the machine does.
    ``parameters`` are those that a plain library loads, without branches, connectors
    and losses, of each trained stream. A plain model is called ``''``.
    """

    # What other hooks do after the step is not part of it.
    priority = 'VERY_HIGH'

    def __init__(self) -> None:
        self._wall: list[float] = []
        self._cpu: list[float] = []
        self._begin = (0.0, 0.0)

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Optional[Any] = None
    ) -> None:
        """Look at the clocks.

        Args:
            runner (Runner): The runner.
            batch_idx (int): Index of the batch.
            data_batch (dict, optional): The batch.
        """
        self._begin = (time.perf_counter(), time.process_time())

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Optional[Any] = None,
        outputs: Optional[dict] = None,
    ) -> None:
        """Remember what the step took.

        Args:
            runner (Runner): The runner.
            batch_idx (int): Index of the batch.
            data_batch (dict, optional): The batch.
            outputs (dict, optional): The losses.
        """
        wall, cpu = self._begin
        self._wall.append(time.perf_counter() - wall)
        self._cpu.append(time.process_time() - cpu)

    def after_train_epoch(self, runner: Runner) -> None:
        """Write the file.

        Args:
            runner (Runner): The runner.
        """
        self._write(runner)

    def after_train(self, runner: Runner) -> None:
        """Write the file.

        Args:
            runner (Runner): The runner.
        """
        self._write(runner)

    @master_only
    def _write(self, runner: Runner) -> None:
        if not self._wall:
            return
        begin = WARM_UP if len(self._wall) > WARM_UP else 0
        cost = dict(
            steps=len(self._wall),
            wall=statistics.median(self._wall[begin:]),
            cpu=statistics.median(self._cpu[begin:]),
            parameters=count_parameters(unwrap(runner.model)),
        )
        write_text(Path(runner.work_dir) / 'step_cost.json', json.dumps(cost))


def count_parameters(model: nn.Module) -> dict[str, int]:
    """Count the parameters that are exported of each trained stream.

    Args:
        model (nn.Module): A distillation, or a plain model.

    Returns:
        dict[str, int]: The numbers by stream; of a plain model by ``''``.
    """
    streams = getattr(model, 'streams', {'': model})
    return {
        name: sum(
            parameter.numel()
            for key, parameter in stream.named_parameters()
            if not key.startswith(BRANCHES)
        )
        for name, stream in streams.items()
    }
