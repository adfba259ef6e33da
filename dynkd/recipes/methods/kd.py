# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""KD: a frozen teacher's class probabilities."""

from dynkd.recipes.matching import add_score_transfers, joined, matched_features
from dynkd.recipes.place import CLASSIFIER
from dynkd.recipes.recipe import BALANCED, Pair, Recipe


def kd(pair: Pair) -> Recipe:
    """Distillation from a frozen teacher, `Distilling the Knowledge in a Neural Network
    <https://arxiv.org/abs/1503.02531>`_.

    Where class probabilities cannot be compared, as between two DETR-like detectors,
    the features before the head are, by their mean squared distance.

    Args:
        pair (Pair): Student and teacher.

    Returns:
        Recipe: The recipe.

    Raises:
        ValueError: If nothing of the two can be compared.
    """
    student, teacher = pair.both
    recipe = Recipe()
    recipe.freeze_teacher()
    # T = 4 is what all five papers take for classifiers; a detector's probabilities
    # are soft already.
    temperature = 4.0 if student.kind == CLASSIFIER else 1.0
    add_score_transfers(recipe, student, teacher, ('student',), temperature)
    if not recipe.transfers:
        _add_features(recipe, pair)
    recipe.check(
        'kd', 'Try `--method dkd`, or a teacher that is nearer to the student.'
    )
    return recipe


def _add_features(recipe: Recipe, pair: Pair) -> None:
    """Compare the features instead."""
    levels = matched_features(*pair.both)
    taps = joined(levels)
    if not taps:
        recipe.left_out.append('features: no levels of one width on the same grids')
        return
    loss = dict(type='FeatureLoss', kind='mse', loss_weight=dict(BALANCED))
    recipe.add(
        'loss_feature',
        dict(taps, loss=loss),
        f'features of {len(levels)} levels, in place of class probabilities',
    )
