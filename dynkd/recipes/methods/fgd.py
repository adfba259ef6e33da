# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""FGD: features of detectors, weighted by objects and attention."""

from dynkd.recipes.matching import Matched, joined, matched_features
from dynkd.recipes.place import DETECTORS, TWO_STAGE
from dynkd.recipes.recipe import BALANCED, Pair, Recipe

#: Weights of FGD's released configs, relative to one another.
_DENSE = dict(foreground=1e-3, background=5e-4, attention=5e-4, relation=5e-6)
_PROPOSALS = dict(foreground=5e-5, background=2.5e-5, attention=5e-5, relation=5e-7)


def fgd(pair: Pair) -> Recipe:
    """`Focal and Global Knowledge Distillation for Detectors
    <https://arxiv.org/abs/2111.11837>`_, from a frozen teacher.

    Args:
        pair (Pair): Student and teacher.

    Returns:
        Recipe: The recipe.

    Raises:
        ValueError: If they are not detectors, or no level fits.
    """
    student, teacher = pair.both
    recipe = Recipe()
    recipe.freeze_teacher()
    if student.kind not in DETECTORS:
        recipe.left_out.append(f'the student is a {student.kind}, FGD is for detectors')
    levels = fgd_levels(pair) if student.kind in DETECTORS else []
    taps = joined(levels)
    if taps:
        recipe.add('loss_fgd', dict(taps, loss=fgd_loss(pair, levels)), _why(levels))
    else:
        recipe.left_out.append('features: no levels of one width on the same grids')
    recipe.check('fgd')
    return recipe


def fgd_levels(pair: Pair) -> list[Matched]:
    """The levels that FGD compares: not P6 of two-stage detectors, P5 subsampled.

    Args:
        pair (Pair): Student and teacher.

    Returns:
        list[Matched]: The levels.
    """
    levels = matched_features(*pair.both)
    return levels[:4] if pair.student.kind == TWO_STAGE else levels


def fgd_loss(pair: Pair, levels: list[Matched]) -> dict:
    """The loss of these levels.

    Args:
        pair (Pair): Student and teacher.
        levels (list[Matched]): The levels.

    Returns:
        dict: Its config.
    """
    return dict(
        type='FGDLoss',
        channels=levels[0].teacher.channels,
        num_levels=len(levels),
        temperature=0.5,
        loss_weight=dict(BALANCED),
        **(_PROPOSALS if pair.student.kind == TWO_STAGE else _DENSE),
    )


def _why(levels: list[Matched]) -> str:
    """The line of the table."""
    widths = levels[0].student.channels, levels[0].teacher.channels
    return f'features of {len(levels)} levels, {widths[0]} and {widths[1]} channels'
