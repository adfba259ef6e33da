# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Which places of two models can be compared, and by which connectors."""

from dataclasses import dataclass
from typing import Optional

from .place import SEGMENTOR, TWO_STAGE, ModelView, Place
from .recipe import BALANCED, Recipe


@dataclass(frozen=True)
class Matched:
    """A place of the student and one of the teacher that can be compared.

    Args:
        student (Place): The student's.
        teacher (Place): The teacher's.
    """

    student: Place
    teacher: Place

    def aligner(self, learner: str = 'student') -> dict:
        """What gives the learner's feature the channels of the other.

        Args:
            learner (str): ``'student'`` or ``'teacher'``. Defaults to ``'student'``.

        Returns:
            dict: ``target_connector`` of a transfer, or nothing where the channels are
            equal.
        """
        sides = (self.student, self.teacher)
        own, other = sides if learner == 'student' else sides[::-1]
        if own.channels == other.channels:
            return {}
        return dict(
            target_connector=dict(
                type='ChannelAligner',
                in_channels=own.channels,
                out_channels=other.channels,
                dims=len(own.grid),
            )
        )


def matched_features(student: ModelView, teacher: ModelView) -> list[Matched]:
    """The levels of features on the same grids, from fine to coarse.

    Args:
        student (ModelView): The student.
        teacher (ModelView): The teacher.

    Returns:
        list[Matched]: The pairs.
    """
    by_grid = {place.grid: place for place in teacher.features}
    return [
        Matched(place, by_grid[place.grid])
        for place in student.features
        if place.grid in by_grid
    ]


def joined(levels: list[Matched]) -> dict:
    """One transfer's taps of several levels.

    Args:
        levels (list[Matched]): The levels, of one width on each side.

    Returns:
        dict: ``source`` and ``target`` of the transfer, and its ``target_connector``
        where the widths of the sides differ; nothing where a side has several widths.
    """
    sides = [[one.student for one in levels], [one.teacher for one in levels]]
    if not levels or any(len({p.channels for p in side}) > 1 for side in sides):
        return {}
    found = dict(
        source=[place.of('teacher') for place in sides[1]],
        target=[place.of('student') for place in sides[0]],
        **levels[0].aligner(),
    )
    if 'target_connector' in found:
        found['target_connector']['num_levels'] = len(levels)
    return found


def matched_maps(student: ModelView, teacher: ModelView) -> Optional[Matched]:
    """The last maps of the backbones, if they are on the same grid.

    Args:
        student (ModelView): The student.
        teacher (ModelView): The teacher.

    Returns:
        Matched, optional: The pair.
    """
    if not student.stages or not teacher.stages:
        return None
    own, other = student.stages[-1], teacher.stages[-1]
    return Matched(own, other) if own.grid == other.grid else None


def matched_vectors(student: ModelView, teacher: ModelView) -> Optional[Matched]:
    """The vectors of both for each image or clip.

    Args:
        student (ModelView): The student.
        teacher (ModelView): The teacher.

    Returns:
        Matched, optional: The pair.
    """
    if not student.pooled or not teacher.pooled:
        return None
    own, other = student.pooled[-1], teacher.pooled[-1]
    return Matched(own, other) if own.grid == other.grid else None


def score_fault(student: ModelView, teacher: ModelView) -> str:
    """Why class scores of two models cannot be compared.

    Args:
        student (ModelView): The student.
        teacher (ModelView): The teacher.

    Returns:
        str: The reason; empty if they can.
    """
    for name, view in (('student', student), ('teacher', teacher)):
        if not view.scores:
            return f'{name}: {view.why_not}'
    if student.kind != teacher.kind:
        return f'the student is a {student.kind}, the teacher a {teacher.kind}'
    if student.activation != teacher.activation:
        return (
            f"the student's scores are for {student.activation}, the teacher's for "
            f'{teacher.activation}'
        )
    if student.classes != teacher.classes:
        return (
            f'the student has {student.classes} classes, the teacher {teacher.classes}'
        )
    if student.anchors != teacher.anchors:
        return (
            f'{student.anchors} predictions per position and level of the student, '
            f'{teacher.anchors} of the teacher'
        )
    grids = [[place.grid for place in view.scores] for view in (student, teacher)]
    if grids[0] != grids[1] and student.kind != SEGMENTOR:
        return f'levels of {grids[0]} of the student, of {grids[1]} of the teacher'
    return ''


def add_score_transfers(
    recipe: Recipe,
    student: ModelView,
    teacher: ModelView,
    learners: tuple[str, ...],
    temperature: float,
) -> None:
    """Add the divergence of class probabilities, if they can be compared.

    Args:
        recipe (Recipe): What it is added to.
        student (ModelView): The student.
        teacher (ModelView): The teacher.
        learners (tuple of str): The streams that learn.
        temperature (float): Of the divergence, where images are classified.
    """
    fault = score_fault(student, teacher)
    if fault:
        recipe.left_out.append(f'class probabilities: {fault}')
        return
    if student.kind == TWO_STAGE:
        recipe.streams.setdefault('teacher', {})['proposals'] = 'student'
    shared = ', of proposals that both classify' if student.kind == TWO_STAGE else ''
    resized: dict = {}
    if student.scores[0].grid != teacher.scores[0].grid:
        # Maps of segmentors, which the labels' size makes comparable.
        resized = dict(connector=dict(type='ResolutionAligner'))
        shared = ', on the grid of the source'
    for suffix, tap, loss in _score_losses(student, temperature):
        for learner in learners:
            other = 'teacher' if learner == 'student' else 'student'
            recipe.add(
                f'loss_kld_{learner}{suffix}',
                dict(
                    source=f'{other}.{tap}',
                    target=f'{learner}.{tap}',
                    loss=loss,
                    **resized,
                ),
                f'probabilities of {student.classes} classes by {student.activation}'
                + shared,
            )


def _score_losses(view: ModelView, temperature: float) -> list[tuple[str, str, dict]]:
    """Suffix, tap and loss: one for all levels, if all have as many anchors."""
    loss = dict(
        type='KLDLoss',
        activation=view.activation,
        temperature=temperature,
        loss_weight=dict(BALANCED),
    )
    if len(set(view.anchors)) > 1:
        return [
            (f'_{level}', place.module, dict(loss, num_anchors=anchors))
            for level, (place, anchors) in enumerate(zip(view.scores, view.anchors))
        ]
    tap = view.scores[0].module
    if len(view.scores) > 1:
        tap = tap[: tap.rindex('[')]
    anchors = dict(num_anchors=view.anchors[0]) if view.anchors[0] > 1 else {}
    return [('', tap, dict(loss, **anchors))]
