# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Pairs: which blocks of a teacher may replace which blocks of a student."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Optional

from mmengine.logging import print_log
from torch import nn

from dynkd.utils import without_scope

from .units import Shape, Unit, find_units

#: Whether a pair has one block of the student, or all blocks of a stage.
LEVELS = ('block', 'group')
_WRITTEN = (
    'a pair is written `dict(student=[…], teacher=[…])`, with the names of at least '
    'one module each'
)


@dataclass(frozen=True)
class Pair:
    """The two paths of a hybrid block, Eq. 2 of `Interactive Knowledge Distillation`.

    Args:
        student (tuple[str, ...]): Names of modules in the student's model that follow
            one another: the student's path.
        teacher (tuple[str, ...]): Names of modules in the teacher's model, in the order
            in which they run: the teacher's path.
    """

    student: tuple[str, ...]
    teacher: tuple[str, ...]

    def __str__(self) -> str:
        return f'{", ".join(self.student)} <- {", ".join(self.teacher)}'


def find_pairs(
    student: nn.Module,
    teacher: nn.Module,
    level: str = 'block',
    student_shape: Sequence[int] = (3, 128, 128),
    teacher_shape: Sequence[int] = (3, 128, 128),
) -> list[Pair]:
    """Pair the blocks of a student with those of a teacher, section 3.2 of
    `Interactive Knowledge Distillation`.

    Blocks with the same output shape form a stage, and those that keep their input's
    shape are its inner blocks. The others, the transitions, are shared. So is the first
    block of the first stage if all later stages begin with a transition: in a ResNet of
    6n+2 layers that block keeps the shape, and the paper's 9 pairs of ResNet-26 with
    ResNet-44 do not count it.

    - Inner blocks are paired stage by stage and in order. All of the teacher's are
      used, spread as evenly as possible; left-over ones go to the first pairs (ours).
      No inner block of the student is left out.
    - Where the student's stage has no inner block and the teacher's has (VGG-8), the
      whole stages form a pair, transitions included, if they begin with the same shape,
      and that is not the image's (ours). Otherwise the teacher's blocks are left out.

    Args:
        student (nn.Module): The student's model, with a ``backbone``.
        teacher (nn.Module): The teacher's model, with a ``backbone``.
        level (str): ``'block'``: one pair for each of the student's inner blocks;
            ``'group'``: one pair for all inner blocks of a stage, section 4.2.2.
            Defaults to ``'block'``.
        student_shape (sequence of int): Shape of the student's input, without the
            batch. Defaults to (3, 128, 128).
        teacher_shape (sequence of int): Shape of the teacher's input, without the
            batch. Defaults to (3, 128, 128).

    Returns:
        list[Pair]: The pairs, in the order in which they run.

    Raises:
        ValueError: If the level or a model's blocks are unknown, there is no pair, or
            the teacher has no stage for inner blocks of the student, or one with fewer.
    """
    check_level(level)
    own = _stages(find_units(student, student_shape))
    others = _stages(find_units(teacher, teacher_shape))
    pairs: list[Pair] = []
    for shape in own:
        if shape in others:
            pairs += _pair_stage(own[shape], others[shape], level)
    if not pairs:
        raise ValueError(
            'no block of the student can be paired with any of the teacher: the '
            f'student has maps of the shapes {_shapes(own)}, the teacher of '
            f'{_shapes(others)}.'
        )
    _check_all_paired(own, others)
    for shape, stage in others.items():
        if stage.inner and shape not in own:
            _report(stage.inner, f'the student has no {shape} map')
    return pairs


def read_pairs(pairs: Sequence[Mapping]) -> list[Pair]:
    """Read pairs that a config lists by name.

    Args:
        pairs (list[dict]): Each with ``student`` and ``teacher``, lists of names of
            modules; a single name need not be in a list.

    Returns:
        list[Pair]: The pairs.

    Raises:
        ValueError: If they are not a list, the list is empty, or a pair lacks its two
            lists of names.
    """
    if isinstance(pairs, (str, Mapping)) or not isinstance(pairs, Sequence):
        raise ValueError(f'`pairs` is a list of pairs, not {pairs!r}; {_WRITTEN}.')
    if not pairs:
        raise ValueError('`pairs` is empty; leave it out to have the pairs found.')
    return [_read_pair(cfg) for cfg in pairs]


def _read_pair(cfg: Mapping) -> Pair:
    """Read one pair that a config lists by name."""
    given = without_scope(cfg) if isinstance(cfg, Mapping) else {}
    sides = {
        key: (value,) if isinstance(value, str) else value
        for key, value in given.items()
    }
    if set(sides) != {'student', 'teacher'} or not all(map(_are_names, sides.values())):
        raise ValueError(f'{_WRITTEN}, not {given or cfg!r}.')
    return Pair(**{side: tuple(names) for side, names in sides.items()})


def _are_names(value: Any) -> bool:
    """Whether a value is a list of at least one name."""
    listed = isinstance(value, (list, tuple)) and len(value) > 0
    return listed and all(isinstance(name, str) and name for name in value)


def check_level(level: str, pairs: Optional[Sequence[Mapping]] = None) -> None:
    """Reject a level that does not exist, or has no effect.

    Args:
        level (str): The level.
        pairs (list[dict], optional): The pairs by name. Defaults to None: found.

    Raises:
        ValueError: If it is not one of ``'block'`` and ``'group'``, or ``'group'``
            where pairs are given.
    """
    if level not in LEVELS:
        raise ValueError(f'level must be one of {LEVELS}, got {level!r}.')
    if pairs is not None and level != 'block':
        raise ValueError('`level` is for pairs that are found; `pairs` names them.')


@dataclass
class _Stage:
    """The units that return maps of one shape.

    Args:
        units (list[Unit]): The units, in the order in which they run.
        shares_first (bool): Whether the first of them is shared, whatever its shapes.
    """

    units: list[Unit]
    shares_first: bool = False

    def is_inner(self, unit: Unit) -> bool:
        """Whether a unit may be paired by itself."""
        return unit.is_inner and not (self.shares_first and unit is self.units[0])

    @property
    def inner(self) -> list[Unit]:
        """list[Unit]: Those that may be paired by themselves."""
        return [unit for unit in self.units if self.is_inner(unit)]


def _stages(units: Sequence[Unit]) -> dict[Shape, _Stage]:
    """The stages of a chain of units, by the shape of what they return."""
    stages: dict[Shape, _Stage] = {}
    for unit in units:
        stages.setdefault(unit.gives, _Stage([])).units.append(unit)
    first, *later = stages.values()
    first.shares_first = bool(later) and not any(s.units[0].is_inner for s in later)
    return stages


def _check_all_paired(own: dict[Shape, _Stage], others: dict[Shape, _Stage]) -> None:
    """Reject inner blocks of the student for which the teacher has no stage."""
    alone = {s: own[s].inner for s in own if s not in others and own[s].inner}
    if alone:
        left = '; '.join(f'{_names(units)} return {s}' for s, units in alone.items())
        raise ValueError(
            f'blocks of the student have no counterpart: {left}, and the teacher has '
            f'maps of the shapes {_shapes(others)}. Take a teacher with such maps, or '
            'list the blocks to be replaced in `pairs`.'
        )


def _pair_stage(student: _Stage, teacher: _Stage, level: str) -> list[Pair]:
    """The pairs of one stage."""
    own, others = student.inner, teacher.inner
    if not own:
        return _pair_whole(student, teacher)
    least = len(own) if level == 'block' else 1
    if len(others) < least:
        raise ValueError(
            f'the teacher has {len(others)} block(s) that return {own[0].gives}, too '
            f'few to replace the {len(own)} of the student '
            f'({own[0].modules[0]} to {own[-1].modules[-1]}). Take a teacher that is '
            'at least as deep in every stage, or list `pairs`.'
        )
    if level == 'group':
        return [_pair(own, others)]
    share, surplus = divmod(len(others), len(own))
    pairs = []
    for index, unit in enumerate(own):
        begin = index * share + min(index, surplus)
        end = begin + share + (index < surplus)
        pairs.append(_pair([unit], others[begin:end]))
    return pairs


def _pair_whole(student: _Stage, teacher: _Stage) -> list[Pair]:
    """The pair of a stage in which the student has only the transition."""
    if not teacher.inner:
        return []
    first, other = student.units[0], teacher.units[0]
    if first.given == other.given and not first.is_stem:
        return [_pair(student.units, teacher.units)]
    _report(teacher.inner, f'the student has no block that keeps {first.gives}')
    return []


def _pair(student: Sequence[Unit], teacher: Sequence[Unit]) -> Pair:
    """The pair of some units with some others."""
    sides = [
        tuple(n for unit in side for n in unit.modules) for side in (student, teacher)
    ]
    return Pair(*sides)


def _shapes(stages: dict[Shape, _Stage]) -> str:
    """The shapes of stages, for messages."""
    return ', '.join(map(str, stages))


def _names(units: Sequence[Unit]) -> str:
    """The names of units, for messages."""
    return ', '.join(unit.modules[-1] for unit in units)


def _report(units: Sequence[Unit], why: str) -> None:
    """Log that units of the teacher are in no pair."""
    text = f"Interaction leaves out the teacher's blocks {_names(units)}: {why}."
    print_log(text, logger='current')
