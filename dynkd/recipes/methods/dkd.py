# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""DKD: teacher and student learn together, and from each other."""

from typing import Optional

from dynkd.engine.settings import TRAINED_RATE
from dynkd.recipes.matching import (
    Matched,
    add_score_transfers,
    matched_features,
    matched_maps,
    matched_vectors,
)
from dynkd.recipes.place import CLASSIFIER, DETECTORS, SEGMENTOR
from dynkd.recipes.recipe import BALANCED, Pair, Recipe

#: Stride of the level whose positions are the points of the EMD, as in the configs.
_STRIDE = 32


def dkd(pair: Pair) -> Recipe:
    """`A General Dynamic Knowledge Distillation Method for Visual Analytics`: EMD
    between features and KLD between class probabilities, in both directions (Eqs. 6 to
    8).

    Args:
        pair (Pair): Student and teacher.

    Returns:
        Recipe: The recipe.

    Raises:
        ValueError: If nothing of the two can be compared.
    """
    student, teacher = pair.both
    recipe = Recipe(teacher_rate=TRAINED_RATE)
    matched, layout = _feature(pair)
    if matched is None:
        recipe.left_out.append('EMD: their features lie on different grids')
    else:
        recipe.add(
            'loss_emd',
            dict(
                source=matched.teacher.of('teacher'),
                target=matched.student.of('student'),
                loss=dict(
                    type='EMDLoss', layout=layout, p=1, loss_weight=dict(BALANCED)
                ),
                **matched.aligner(),
            ),
            f'features {matched.student.shape} and {matched.teacher.shape}, points: '
            + dict(spatial='positions', batch='the samples of a batch')[layout],
        )
    add_score_transfers(recipe, student, teacher, ('student', 'teacher'), 1.0)
    recipe.check('dkd', 'A teacher of the same family fits better.')
    return recipe


def _feature(pair: Pair) -> tuple[Optional[Matched], str]:
    """What EMD compares, and what its points are."""
    student, teacher = pair.both
    if student.kind in DETECTORS:
        levels = matched_features(student, teacher)
        return _of_stride(levels, student.input_shape[-1]), 'spatial'
    if student.kind == SEGMENTOR:
        return matched_maps(student, teacher), 'spatial'
    maps = matched_maps(student, teacher) if student.kind == CLASSIFIER else None
    return maps or matched_vectors(student, teacher), 'batch'


def _of_stride(levels: list[Matched], side: int) -> Optional[Matched]:
    """The level whose stride is nearest to 32, as in the configs of the paper."""
    if not levels:
        return None
    return min(levels, key=lambda one: abs(side / one.student.grid[-1] - _STRIDE))
