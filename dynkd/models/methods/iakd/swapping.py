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

    The first student module of a pair runs the teacher's modules, one after another,
    and its further modules return their input. None of the student's own computations
    run; forward hooks on the student's modules are called as usual. The swapped-in
    batch normalisations use the batch's statistics, as in section 3.2; everything else
    that depends on the mode (dropout) keeps the teacher's mode.

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
    """Return the input: the first module of the pair has done the computation."""
    return value


@contextmanager
def _replaced(module: nn.Module, forward: Callable[..., Tensor]) -> Iterator[None]:
    """Give a module another ``forward``, and restore the previous one afterwards."""
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
