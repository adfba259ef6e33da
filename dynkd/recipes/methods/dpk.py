# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""DPK: part of the teacher's feature, as much as CKA says is needed."""

from dynkd.recipes.matching import Matched, add_score_transfers, joined
from dynkd.recipes.place import CLASSIFIER, DETECTORS, TWO_STAGE
from dynkd.recipes.recipe import BALANCED, Pair, Recipe

from .fgd import fgd_levels, fgd_loss

#: Pixels that a patch of a detector's feature covers, up to this stride (ours).
_PATCH = 64


def dpk(pair: Pair) -> Recipe:
    """`Better Teacher Better Student: Dynamic Prior Knowledge for Knowledge
    Distillation`: Eqs. 4 to 7 for classifiers, Eq. 9 inside FGD for detectors.

    Args:
        pair (Pair): Student and teacher.

    Returns:
        Recipe: The recipe.

    Raises:
        ValueError: If their features do not fit.
    """
    student, teacher = pair.both
    recipe = Recipe()
    recipe.freeze_teacher()
    if student.kind == CLASSIFIER:
        _of_classifiers(recipe, pair)
    elif student.kind in DETECTORS:
        _of_detectors(recipe, pair)
    else:
        recipe.left_out.append(f'the student is a {student.kind}')
    recipe.check('dpk')
    if student.kind == CLASSIFIER:
        add_score_transfers(recipe, student, teacher, ('student',), 4.0)
    return recipe


def _of_classifiers(recipe: Recipe, pair: Pair) -> None:
    """The hybrid feature of the last stage, the student's at the teacher's size."""
    if not pair.student.stages or not pair.both[1].stages:
        recipe.left_out.append('features: a backbone has no maps')
        return
    own, other = (view.stages[-1] for view in pair.both)
    connector = dict(
        type='PriorKnowledge',
        student_channels=own.channels,
        teacher_channels=other.channels,
        grid_size=other.grid,
    )
    if own.grid != other.grid:
        connector['resize'] = True
    recipe.add(
        'loss_dpk',
        dict(
            source=other.of('teacher'),
            target=own.of('student'),
            connector=connector,
            loss=dict(type='FeatureLoss', kind='mse', loss_weight=dict(BALANCED)),
        ),
        f'the last maps, {own.shape} and {other.shape}',
    )


def _of_detectors(recipe: Recipe, pair: Pair) -> None:
    """The hybrid features of the levels, compared by FGD's first sum."""
    levels = fgd_levels(pair)
    taps = joined(levels)
    if not taps:
        recipe.left_out.append('features: no levels of one width on the same grids')
        return
    # PriorKnowledge takes any widths, and has the teacher's where it ends.
    taps.pop('target_connector', None)
    loss = dict(fgd_loss(pair, levels), attention=0.0, relation=0.0)
    if pair.student.kind != TWO_STAGE:
        # Appendix A.2 of DPK.
        loss.update(foreground=2e-3, background=5e-4)
    recipe.add(
        'loss_dpk',
        dict(taps, connector=_hybrid(pair, levels), loss=loss),
        f'hybrid features of {len(levels)} levels, inside FGD',
    )


def _hybrid(pair: Pair, levels: list[Matched]) -> dict:
    """The connector, with patches of 64 pixels."""
    side = pair.student.input_shape[-1]
    strides = [round(side / one.student.grid[-1]) for one in levels]
    patches = [max(1, _PATCH // stride) for stride in strides]
    grids = [
        tuple(-(-length // patch) for length in one.student.grid)
        for one, patch in zip(levels, patches)
    ]
    return dict(
        type='PriorKnowledge',
        student_channels=levels[0].student.channels,
        teacher_channels=levels[0].teacher.channels,
        num_levels=len(levels),
        patch_size=patches,
        grid_size=grids,
        # HSIC_1 needs at least 4 samples, and a GPU has 2 images.
        ratio=dict(type='CKARatio', samples='positions'),
    )
