# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The config of a distillation, made of a student's, a teacher's and a recipe."""

import os
from dataclasses import dataclass, field
from typing import Any, Optional

from .methods import METHODS, WITHOUT_TEACHER
from .place import DETECTORS, SEGMENTOR
from .recipe import Pair, Recipe
from .runtime import runtime
from .source import Source
from .text import Base, assignment


@dataclass(frozen=True)
class Composed:
    """A distillation that a recipe made.

    Args:
        text (str): Its config, a file that inherits from the student's.
        method (str): The method.
        recipe (Recipe): What the method says of this pair.
        pair (Pair): The models.
        notes (list[str]): What was decided besides.
        beside (dict[str, str]): Files that it inherits from, to be written beside it:
            the student's config in the classic style, if it is in MMEngine's Python
            style.
    """

    text: str
    method: str
    recipe: Recipe
    pair: Pair
    notes: list[str]
    beside: dict[str, str] = field(default_factory=dict)


def compose(
    student: str,
    teacher: Optional[str] = None,
    method: str = 'dkd',
    teacher_checkpoint: Optional[str] = None,
    folder: str = '.',
    baseline: Optional[str] = None,
) -> Composed:
    """Make the config of a distillation.

    Args:
        student (str): The student's config: a file, or ``'mmdet::…'``.
        teacher (str, optional): The teacher's. Defaults to None, for methods in which
            a model teaches itself.
        method (str): One of :data:`~dynkd.recipes.methods.METHODS`. Defaults to
            ``'dkd'``.
        teacher_checkpoint (str, optional): Weights that the teacher starts from.
            Defaults to None.
        folder (str): Where the config is to be written, from where it finds the
            student's. Defaults to the current folder.
        baseline (str, optional): Work directory or log of the student alone, with which
            the end of the run compares. Defaults to None.

    Returns:
        Composed: The config and its reasons.

    Raises:
        FileNotFoundError: If there is no such config.
        ValueError: If the method does not exist, or does not fit the models.
    """
    if method not in METHODS:
        raise ValueError(
            f'there is no method `{method}`. Methods: {", ".join(METHODS)}.'
        )
    own = Source.read(student, 'student')
    if (teacher is None) is not (method in WITHOUT_TEACHER):
        needs = 'has no teacher' if teacher is not None else 'needs a teacher'
        raise ValueError(f'method `{method}` {needs}: {_usage(method)}')
    other = None if teacher is None else Source.read(teacher, 'teacher')
    _check_inputs(own, other)
    notes: list[str] = []
    changes = _changes(own, other, teacher_checkpoint, notes)
    pair = Pair(
        own.view('student'), None if other is None else other.view('teacher', changes)
    )
    recipe = METHODS[method](pair)
    if teacher_checkpoint is None:
        recipe.start_from_scratch(pair.student.kind in (*DETECTORS, SEGMENTOR))
    if other is not None and teacher_checkpoint is None and method not in ('ekd',):
        notes.append(
            'the teacher has no checkpoint: it starts as its config initialises it. '
            'Name a trained one by --teacher-checkpoint.'
        )
    model = _model(own, other, recipe, changes, teacher_checkpoint)
    taught = other is not None
    settings = dict(model=model, **runtime(own.cfg, recipe, notes, baseline, taught))
    head = _head(own, other, method, recipe, notes)
    text = '\n'.join([*head, *_bases(own, folder), *_fields(settings)])
    beside = {_base_name(own.name): own.cfg.pretty_text} if own.python_style else {}
    return Composed(f'{text}\n', method, recipe, pair, notes, beside)


def _check_inputs(own: Source, other: Optional[Source]) -> None:
    """Reject a teacher that cannot read what the student's data pipeline makes."""
    if other is None or len(own.input_shape) == len(other.input_shape):
        return
    raise ValueError(
        f"the student's data are of shape {own.input_shape}, and the teacher reads "
        f'{other.input_shape}: one of them is a 2-D network on frames, the other a 3-D '
        'network on clips. Choose two of a kind.'
    )


def _usage(method: str) -> str:
    """How the method is called."""
    if method in WITHOUT_TEACHER:
        return 'leave --teacher out.'
    return 'name its config by --teacher.'


def _changes(
    own: Source, other: Optional[Source], checkpoint: Optional[str], notes: list[str]
) -> dict:
    """What the teacher takes from the student: how batches are made; and the classes,
    if it is not trained yet."""
    if other is None:
        return {}
    changes = _batches(own, other, notes)
    if own.classes is None or other.classes in (None, own.classes):
        return changes
    if checkpoint is not None:
        notes.append(
            f'the teacher has {other.classes} classes and the student {own.classes}'
        )
        return changes
    notes.append(
        f'the teacher has {own.classes} classes, as the student, in place of '
        f'{other.classes}'
    )
    return {**changes, **other.with_classes(own.classes)}


def _batches(own: Source, other: Source, notes: list[str]) -> dict:
    """The student's data preprocessor for the teacher, if both normalise alike.

    Features of different sizes, and labels that are mixed otherwise, do not compare.
    """
    if own.library != other.library:
        return {}
    changes: dict[str, Any] = {}
    mine, its = own.preprocessor, other.preprocessor
    if any(mine.get(key) != its.get(key) for key in _NORMALISING):
        notes.append('the teacher normalises its images by numbers of its own')
    elif mine != its:
        inside = other.cfg.model.get('data_preprocessor') is not None
        changes['data_preprocessor'] = _instead(mine, inside)
    # MMPretrain's mixup and CutMix.
    mine, its = (one.settings('train_cfg') for one in (own, other))
    if own.library == 'mmpretrain' and mine != its:
        inside = other.cfg.model.get('train_cfg') is not None
        changes['train_cfg'] = _instead(mine, inside) if mine else None
    if changes:
        notes.append("the teacher's batches are made as the student's")
    return changes


def _instead(value: dict, inside: bool) -> dict:
    """A config that replaces what is inside a base, if anything is."""
    return dict(dict(_delete_=True) if inside else {}, **value)


#: What of a data preprocessor belongs to the weights of its model.
_NORMALISING = ('type', 'mean', 'std', 'bgr_to_rgb', 'rgb_to_bgr', 'to_rgb')


def _model(
    own: Source,
    other: Optional[Source],
    recipe: Recipe,
    changes: dict,
    checkpoint: Optional[str],
) -> dict[str, Any]:
    """The distillation."""
    streams: dict[str, dict] = {}
    if other is not None:
        fields: dict[str, Any] = dict(config=other.path)
        if changes:
            fields['model'] = changes
        if checkpoint is not None:
            fields['checkpoint'] = checkpoint
        streams['teacher'] = fields
    streams['student'] = dict(model=Base('model'))
    if own.cfg.get('default_scope') is not None and '::' not in own.path:
        streams['student']['scope'] = own.library
    for name, source in (('teacher', other), ('student', own)):
        if source is not None:
            streams[name].update(recipe.streams.get(name, {}))
            streams[name]['input_shape'] = source.input_shape
    model = dict(_delete_=True, type=recipe.kind, streams=streams)
    if recipe.transfers:
        model['transfers'] = recipe.transfers
    return dict(model, **recipe.more)


def _head(
    own: Source,
    other: Optional[Source],
    method: str,
    recipe: Recipe,
    notes: list[str],
) -> list[str]:
    """Comments that say what it is, and why."""
    by = '' if other is None else f', taught by {other.name}'
    lines = [f'Method `{method}` for {own.name}{by}. Written by `dynkd distill`.']
    lines += [f'{name}: {why}' for name, why in recipe.reasons.items()]
    lines += [f'left out: {line}' for line in recipe.left_out]
    if own.python_style:
        lines.append(
            f'{_base_name(own.name)} is {own.path}, from which a config of this style '
            'cannot inherit.'
        )
    return [f'# {line}' for line in [*lines, *notes]]


def _base_name(student: str) -> str:
    """The file of a student's config in the classic style."""
    return f'{student}_classic.py'


def _bases(own: Source, folder: str) -> list[str]:
    """The lines that name the base, and import DynKD beside what the base imports."""
    base = own.path
    if own.python_style:
        base = f'./{_base_name(own.name)}'
    elif '::' not in base:
        base = os.path.relpath(base, folder).replace(os.sep, '/')
    imports = list(own.cfg.get('custom_imports', {}).get('imports', []))
    if 'dynkd' not in imports:
        imports.append('dynkd')
    return [
        assignment('_base_', base),
        assignment('custom_imports', dict(imports=imports, allow_failed_imports=False)),
    ]


def _fields(settings: dict[str, Any]) -> list[str]:
    """The other fields."""
    return [assignment(name, value) for name, value in settings.items()]
