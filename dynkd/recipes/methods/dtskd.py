# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""DTSKD: a model that learns from its past and from its own depth."""

from dynkd.recipes.place import CLASSIFIER
from dynkd.recipes.recipe import Pair, Recipe


def dtskd(pair: Pair) -> Recipe:
    """`Dual teachers for self-knowledge distillation`, Eqs. 4 to 9, with section 4.1's
    settings.

    Args:
        pair (Pair): The student alone.

    Returns:
        Recipe: The recipe.

    Raises:
        ValueError: If it is not a classifier with maps.
    """
    student = pair.student
    recipe = Recipe()
    if student.kind != CLASSIFIER or not student.stages:
        recipe.left_out.append('its branches are for classifiers with feature maps')
        recipe.check('dtskd')
    module = dict(type='MixedFusionModule', fusion='mixed')
    recipe.streams['student'] = dict(
        loss_weight=0.0, branches=dict(module=module, loss_weight=0.0)
    )
    recipe.more['stores'] = dict(history=dict(format='float32'))
    recipe.add(
        'loss_dtskd',
        dict(type='DualTeacherTransfers', stream='student', store='history'),
        'its own predictions of the epoch before, and its head for its branches',
    )
    return recipe
