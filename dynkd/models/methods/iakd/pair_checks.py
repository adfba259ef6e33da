# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What is checked of pairs before a training begins with them."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from dynkd.utils import find_module

from .pairs import Pair
from .units import Call, at_rest, probe


def check_pairs(
    pairs: Sequence[Pair],
    student: nn.Module,
    teacher: nn.Module,
    input_shape: Sequence[int],
) -> None:
    """Check that the teacher's modules of every pair can take the student's place.

    Each teacher's path is run once on what the student's is given in a probing forward
    pass. No buffer and no random state changes.

    Args:
        pairs (list[Pair]): The pairs.
        student (nn.Module): The student's model.
        teacher (nn.Module): The teacher's model.
        input_shape (sequence of int): Shape of the student's input, without the batch.

    Raises:
        ValueError: If a module does not exist, is in two pairs, lies in another or does
            not run; if a pair's student modules do not follow one another, or its paths
            differ in shape.
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
    """Refuse a module that two pairs replace, or that lies in another such."""
    for index, name in enumerate(names):
        for other in names[index + 1 :]:
            if f'{name}.'.startswith(f'{other}.') or f'{other}.'.startswith(f'{name}.'):
                raise ValueError(
                    f'the modules `{name}` and `{other}` of the student are the same '
                    'or lie in one another; each may be replaced once.'
                )


def _check_chain(pair: Pair, calls: dict[str, Call]) -> None:
    """Refuse student modules that do not hand on one tensor from first to last."""
    for name in pair.student:
        if name not in calls or not calls[name].is_map:
            what = (
                'gives or is given anything but one tensor'
                if name in calls
                else 'does not run when features are computed'
            )
            raise ValueError(f'pair `{pair}`: `{name}` of the student {what}.')
    for first, then in zip(pair.student, pair.student[1:]):
        if calls[first].output is not calls[then].args[0]:
            raise ValueError(
                f'pair `{pair}`: `{then}` of the student is not given what `{first}` '
                'gives; the modules of a pair follow one another.'
            )


def _check_shapes(pair: Pair, calls: dict[str, Call], teacher: nn.Module) -> None:
    """Refuse a teacher's path that does not fit where the student's is."""
    first, last = calls[pair.student[0]], calls[pair.student[-1]]
    given, gives = first.shapes[0], last.shapes[1]
    found: Any = torch.zeros_like(first.args[0])
    for name in pair.teacher:
        module = teacher.get_submodule(name)
        try:
            with at_rest(teacher):
                found = module(found, *first.args[1:], **first.kwargs)
        except Exception as error:
            raise ValueError(
                f'pair `{pair}`: the student is given {given} and gives {gives}, but '
                f'`{name}` of the teacher does not run there: {error}'
            ) from error
        if not isinstance(found, torch.Tensor):
            raise ValueError(
                f'pair `{pair}`: `{name}` of the teacher gives a '
                f'{type(found).__name__}, not one tensor.'
            )
    shape = tuple(found.shape[1:])
    if shape != gives:
        raise ValueError(
            f'pair `{pair}`: for what the student is given, {given}, it gives {gives}, '
            f'but the teacher {shape}.'
        )
