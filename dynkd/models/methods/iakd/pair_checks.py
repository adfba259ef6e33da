# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Checks of pairs before the training begins."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import nn

from dynkd.models.taps import Call, evaluating, find_module, probe

from .pairs import Pair


def check_pairs(
    pairs: Sequence[Pair],
    student: nn.Module,
    teacher: nn.Module,
    input_shape: Sequence[int],
) -> None:
    """Check that the teacher's modules of every pair can take the student's place.

    A probing forward pass of the student records what each student's path receives;
    each teacher's path is then run once on that. Buffers and random states stay
    unchanged.

    Args:
        pairs (list[Pair]): The pairs.
        student (nn.Module): The student's model.
        teacher (nn.Module): The teacher's model.
        input_shape (sequence of int): Shape of the student's input, without the batch.

    Raises:
        ValueError: If a module does not exist, is in two pairs, lies inside another one
            or does not run; if a pair's student modules do not follow one another, or
            its paths differ in shape.
    """
    for pair in pairs:
        for name in pair.student:
            find_module(student, name, f'pair `{pair}`: the student')
        for name in pair.teacher:
            find_module(teacher, name, f'pair `{pair}`: the teacher')
    names = [name for pair in pairs for name in pair.student]
    _check_disjoint(names)
    calls = probe(student, input_shape, names)
    for pair in pairs:
        _check_chain(pair, calls)
        _check_shapes(pair, calls, teacher)


def _check_disjoint(names: Sequence[str]) -> None:
    """Reject modules that are replaced by two pairs, or lie inside one another."""
    for index, name in enumerate(names):
        for other in names[index + 1 :]:
            if f'{name}.'.startswith(f'{other}.') or f'{other}.'.startswith(f'{name}.'):
                raise ValueError(
                    f'the modules `{name}` and `{other}` of the student are the same '
                    'or one contains the other; each module can be in one pair only.'
                )


def _check_chain(pair: Pair, calls: dict[str, Call]) -> None:
    """Reject student modules that do not hand on one tensor from first to last."""
    for name in pair.student:
        if name not in calls or not calls[name].is_map:
            what = (
                'must receive one tensor and return one tensor'
                if name in calls
                else 'does not run when features are computed'
            )
            raise ValueError(f'pair `{pair}`: `{name}` of the student {what}.')
    for first, then in zip(pair.student, pair.student[1:]):
        if calls[first].output is not calls[then].args[0]:
            raise ValueError(
                f'pair `{pair}`: `{then}` of the student does not receive the output '
                f'of `{first}`; the modules of a pair must follow one another.'
            )


def _check_shapes(pair: Pair, calls: dict[str, Call], teacher: nn.Module) -> None:
    """Reject a teacher's path that does not fit in the place of the student's."""
    first, last = calls[pair.student[0]], calls[pair.student[-1]]
    given, gives = first.shapes[0], last.shapes[1]
    found: Any = torch.zeros_like(first.args[0])
    for name in pair.teacher:
        module = teacher.get_submodule(name)
        try:
            with evaluating(teacher):
                found = module(found, *first.args[1:], **first.kwargs)
        except Exception as error:
            raise ValueError(
                f'pair `{pair}`: the student maps {given} to {gives}, but `{name}` of '
                f'the teacher does not run on that input: {error}'
            ) from error
        if not isinstance(found, torch.Tensor):
            raise ValueError(
                f'pair `{pair}`: `{name}` of the teacher returns a '
                f'{type(found).__name__}, not one tensor.'
            )
    shape = tuple(found.shape[1:])
    if shape != gives:
        raise ValueError(
            f'pair `{pair}`: on an input of shape {given}, the student returns '
            f'{gives}, but the teacher returns {shape}.'
        )


def check_with_cp(
    pairs: Sequence[Pair], student: nn.Module, teacher: nn.Module
) -> None:
    """Reject modules that OpenMMLab's ``with_cp`` lets run again in the backward pass.

    In the backward pass a teacher's block is back in evaluation mode, and a student's
    module that contains a replaced one would run the student's own blocks again. The
    replaced module itself is not affected.

    Args:
        pairs (list[Pair]): The pairs, of modules that exist.
        student (nn.Module): The student's model.
        teacher (nn.Module): The teacher's model.

    Raises:
        ValueError: If there is such a module; the message names it.
    """
    for pair in pairs:
        for name in pair.teacher:
            if any(map(_runs_again, teacher.get_submodule(name).modules())):
                raise ValueError(
                    f'pair `{pair}`: `{name}` of the teacher saves memory by running '
                    'again in the backward pass, where its batch normalisation would '
                    "no longer see the batch's statistics. Set `with_cp=False` in the "
                    'teacher.'
                )
        for name in pair.student:
            for around in _around(name):
                # A whole backbone has the attribute too, and runs its blocks again.
                if '.' in around and _runs_again(student.get_submodule(around)):
                    raise ValueError(
                        f'pair `{pair}`: `{name}` lies in `{around}` of the student, '
                        'which saves memory by running again in the backward pass, '
                        'where nothing is replaced any more. Set `with_cp=False` in '
                        f'the student, or pair `{around}` as a whole.'
                    )


def check_forwards(pairs: Sequence[Pair], student: nn.Module, stream: str) -> None:
    """Reject modules that contain replaced ones and whose ``forward`` was wrapped.

    The ``activation_checkpointing`` of MMEngine's runner does so after the model is
    built.

    Such modules would run again in the backward pass, with the student's own blocks and
    so with wrong gradients.

    Args:
        pairs (list[Pair]): The pairs.
        student (nn.Module): The student's model.
        stream (str): Name of its stream, for messages.

    Raises:
        ValueError: If there is such a module; the message names it, and what can be
            checkpointed instead.
    """
    names = [name for pair in pairs for name in pair.student]
    for around in dict.fromkeys(found for name in names for found in _around(name)):
        if 'forward' not in student.get_submodule(around).__dict__:
            continue
        prefix = f'streams.{stream}'
        inside = [name for name in names if not around or name.startswith(f'{around}.')]
        whole = f'{prefix}.{around}' if around else prefix
        raise ValueError(
            f'`{whole}` has a wrapped `forward`, as `activation_checkpointing` sets '
            'it. It would run again in the backward pass, where nothing in it is '
            'replaced any more, and the gradients would be wrong. Checkpoint the '
            'replaced blocks themselves: '
            f'{", ".join(f"`{prefix}.{name}`" for name in inside)}.'
        )


def _runs_again(module: nn.Module) -> bool:
    """Whether a module discards its activations and runs again in the backward pass."""
    return bool(getattr(module, 'with_cp', False))


def _around(name: str) -> Iterator[str]:
    """The names of the modules that contain a module, the model's own (``''``) last."""
    while name:
        name = name.rpartition('.')[0]
        yield name
