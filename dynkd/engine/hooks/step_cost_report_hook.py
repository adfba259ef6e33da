# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Says before a training what its steps cost, beside those of the student alone."""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Callable, Optional

import torch
from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner

from dynkd.models.algorithms import Distillation
from dynkd.models.schedules import Measured
from dynkd.registry import HOOKS
from dynkd.utils import RandomState, TrainingData, unwrap

from .finite_hook import all_buffers

#: Batches: the first one allocates.
_BATCHES = 2


@HOOKS.register_module()
class StepCostReportHook(Hook):
    """Says before a training what its steps cost, beside those of the student alone.

    Two batches go forward and backward through the main stream by itself, and two
    through the whole distillation, without an update. Weights, buffers, gradients,
    stores, measured weights and random numbers are as before afterwards. Logged are the
    time of the second, and on a GPU the memory at its peak. What cannot be measured is
    logged with the reason, and the training goes on.
    """

    # Once the run is checked.
    priority = 'VERY_LOW'

    @master_only
    def before_train(self, runner: Runner) -> None:
        """Measure.

        Args:
            runner (Runner): The runner.
        """
        model = unwrap(runner.model)
        if not isinstance(model, Distillation) or runner.iter > 0:
            return
        if runner.world_size > 1:
            # A process alone would wait for the gradients of the others.
            return
        try:
            with _untouched(model):
                batch = _first_batch(runner, TrainingData(runner.train_dataloader))
                # As in a training step: of mixed precision, for example.
                context = partial(runner.optim_wrapper.optim_context, runner.model)
                alone = _measure(model, context, lambda: _alone(model, batch))
                whole = _measure(model, context, lambda: model(**batch, mode='loss'))
        except Exception as error:  # Whatever a user's data and models raise.
            print_log(
                'The cost of a step could not be measured: '
                f'{type(error).__name__}: {error}',
                logger='current',
            )
            return
        print_log(_line(alone, whole), logger='current')


def _first_batch(runner: Runner, data: TrainingData) -> dict:
    """A batch, collated as the data loader does."""
    dataset = runner.train_dataloader.dataset
    samples = [dataset[index] for index in range(data.batch_size or 1)]
    return runner.train_dataloader.collate_fn(samples)


def _alone(model: Distillation, batch: dict) -> dict:
    """The losses of the main stream by itself."""
    stream = model.stream(model.main_stream)
    return stream.losses(stream.prepare(batch, True))


def _measure(
    model: Distillation,
    context: Callable[[], AbstractContextManager],
    losses: Callable[[], dict],
) -> tuple[float, Optional[int]]:
    """Seconds of the last of some steps, and bytes at their peak where it is known."""
    seconds, peak = 0.0, None
    cuda = torch.cuda.is_available()
    for _ in range(_BATCHES):
        if cuda:
            torch.cuda.synchronize()
            torch.cuda.reset_peak_memory_stats()
        begin = time.perf_counter()
        with context():
            total = model.parse_losses(losses())[0]
        total.backward()
        if cuda:
            torch.cuda.synchronize()
            peak = torch.cuda.max_memory_allocated()
        seconds = time.perf_counter() - begin
    return seconds, _process_peak() if peak is None else peak


def _process_peak() -> Optional[int]:
    """Bytes that the process had at most; None where the system does not tell."""
    try:
        import resource
    except ModuleNotFoundError:  # on Windows
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@contextmanager
def _untouched(model: Distillation) -> Iterator[None]:
    """Leave a model, its stores and random numbers as they are."""
    random = RandomState.capture()
    buffers = [(buffer, buffer.clone()) for buffer in all_buffers(model)]
    training = model.training
    model.train()
    try:
        with model.history.paused():
            yield
    finally:
        with torch.no_grad():
            for buffer, before in buffers:
                buffer.copy_(before)
        for module in model.modules():
            if isinstance(module, Measured):
                module.reread()
        model.zero_grad(set_to_none=True)
        model.train(training)
        random.restore()


def _line(
    alone: tuple[float, Optional[int]], whole: tuple[float, Optional[int]]
) -> str:
    """What is logged."""
    ratio = whole[0] / max(alone[0], 1e-9)
    text = (
        f'A step takes {whole[0]:.2f} s; of the student alone {alone[0]:.2f} s '
        f'({ratio:.1f} times).'
    )
    peaks = [one[1] for one in (alone, whole)]
    sizes = ', '.join(f'{peak / 2**30:.2f} GiB' for peak in peaks if peak is not None)
    return f'{text} Memory at its peak, alone and all: {sizes}.' if sizes else text
