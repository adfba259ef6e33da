# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Swapping a teacher's blocks into a student for one forward pass."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Callable

from torch import Tensor, nn

from .pairs import Pair

_BatchNorm = nn.modules.batchnorm._BatchNorm


@contextmanager
def swapped_in(
    student: nn.Module,
    teacher: nn.Module,
    pairs: Iterable[Pair],
    track_teacher_stats: bool = False,
) -> Iterator[None]:
    """Let pairs take the teacher's path while the ``with`` block lasts, Eq. 4 of
    `Interactive Knowledge Distillation`.

    The first student module of a pair does what the teacher's modules do, one after
    another, and its further modules hand on what they are given. Nothing of their own
    runs; forward hooks on them fire as ever. The swapped-in batch normalisations use
    the batch's statistics, as section 3.2 has it; what else depends on the mode
    (dropout) stays in the teacher's.

    Args:
        student (nn.Module): The student's model.
        teacher (nn.Module): The teacher's model.
        pairs (iterable of Pair): The pairs that take the teacher's path.
        track_teacher_stats (bool): Whether the swapped-in batch normalisations update
            their running statistics. Defaults to False.

    Yields:
        None
    """
    with ExitStack() as stack:
        for pair in pairs:
            blocks = [teacher.get_submodule(name) for name in pair.teacher]
            for block in blocks:
                stack.enter_context(_batch_statistics(block, track_teacher_stats))
            first, *further = (student.get_submodule(name) for name in pair.student)
            stack.enter_context(_replaced(first, _chain(blocks)))
            for module in further:
                stack.enter_context(_replaced(module, _hand_on))
        yield


def _chain(blocks: Sequence[nn.Module]) -> Callable[..., Tensor]:
    """The nested functions of some blocks, f_i^T of Eq. 2."""

    def forward(value: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        for block in blocks:
            value = block(value, *args, **kwargs)
        return value

    return forward


def _hand_on(value: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """What a module does that another has done for."""
    return value


@contextmanager
def _replaced(module: nn.Module, forward: Callable[..., Tensor]) -> Iterator[None]:
    """Give a module another ``forward``; the class's, or its own, comes back."""
    own = module.__dict__.get('forward')
    module.forward = forward
    try:
        yield
    finally:
        del module.forward
        if own is not None:
            module.forward = own


@contextmanager
def _batch_statistics(block: nn.Module, track: bool) -> Iterator[None]:
    """Let the batch normalisations of a block use the batch's statistics."""
    norms = [module for module in block.modules() if isinstance(module, _BatchNorm)]
    before = [(norm.training, norm.track_running_stats) for norm in norms]
    try:
        for norm, (_, tracks) in zip(norms, before):
            norm.training = True
            norm.track_running_stats = tracks and track
        yield
    finally:
        for norm, (training, tracks) in zip(norms, before):
            norm.training = training
            norm.track_running_stats = tracks
