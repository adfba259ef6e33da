# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""IAKD: the teacher's blocks take the place of the student's, at random."""

from dynkd.recipes.place import CLASSIFIER
from dynkd.recipes.recipe import Pair, Recipe


def iakd(pair: Pair) -> Recipe:
    """`Interactive Knowledge Distillation for Image Classification`, IAKD-R: the
    probability of the student's own path returns to its start at each drop of the
    learning rate (section 3.4).

    Args:
        pair (Pair): Student and teacher.

    Returns:
        Recipe: The recipe. Whether their blocks can be paired is seen when it is built.

    Raises:
        ValueError: If they are not classifiers.
    """
    student, teacher = pair.both
    recipe = Recipe(kind='dynkd.InteractiveDistillation')
    recipe.freeze_teacher()
    if CLASSIFIER not in (student.kind, teacher.kind) or student.kind != teacher.kind:
        recipe.left_out.append('IAKD is for classifiers')
        recipe.check('iakd')
    recipe.more['interaction'] = dict(
        probability=dict(type='ReviewSchedule', start=0.9), level='block'
    )
    recipe.reasons['interaction'] = 'blocks of equal shapes change places, IAKD-R'
    return recipe
