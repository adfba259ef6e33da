# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What saves memory by running again in the backward pass, when the swap is over."""

from collections.abc import Iterator, Sequence

from torch import nn

from .pairs import Pair


def check_with_cp(
    pairs: Sequence[Pair], student: nn.Module, teacher: nn.Module
) -> None:
    """Refuse modules that OpenMMLab's ``with_cp`` lets run again in the backward pass.

    A teacher's block would then rest again, and a student's module around a replaced
    one would run what was replaced. The replaced module itself does neither.

    Args:
        pairs (list[Pair]): The pairs, of modules that exist.
        student (nn.Module): The student's model.
        teacher (nn.Module): The teacher's model.

    Raises:
        ValueError: If there is such a module; names it.
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
    """Refuse modules around replaced ones whose ``forward`` was wrapped, as the
    ``activation_checkpointing`` of MMEngine's runner does once the model is built.

    They would run again in the backward pass, with the student's own blocks and so with
    wrong gradients.

    Args:
        pairs (list[Pair]): The pairs.
        student (nn.Module): The student's model.
        stream (str): Name of its stream, for messages.

    Raises:
        ValueError: If there is such a module; names it, and what may be checkpointed in
            its place.
    """
    names = [name for pair in pairs for name in pair.student]
    for around in dict.fromkeys(found for name in names for found in _around(name)):
        if 'forward' not in student.get_submodule(around).__dict__:
            continue
        prefix = f'streams.{stream}'
        inside = [name for name in names if not around or name.startswith(f'{around}.')]
        whole = f'{prefix}.{around}' if around else prefix
        raise ValueError(
            f'`{whole}` has another `forward` than its class, as '
            '`activation_checkpointing` gives it. It would run again in the backward '
            'pass, where nothing in it is replaced any more, and the gradients would '
            'be wrong. Checkpoint the blocks that are replaced themselves: '
            f'{", ".join(f"`{prefix}.{name}`" for name in inside)}.'
        )


def _runs_again(module: nn.Module) -> bool:
    """Whether a module keeps no activations, and runs again in the backward pass."""
    return bool(getattr(module, 'with_cp', False))


def _around(name: str) -> Iterator[str]:
    """The names of the modules around a module, the model's own (``''``) last."""
    while name:
        name = name.rpartition('.')[0]
        yield name
