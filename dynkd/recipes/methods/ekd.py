# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""EKD: a teacher that starts from scratch beside its student."""

from dynkd.recipes.place import CLASSIFIER
from dynkd.recipes.recipe import Pair, Recipe

#: Width of the guided modules' features where the student's is greater.
_WIDEST = 512
#: Their convolutions are narrower by this factor.
_EXPANSION = 4


def ekd(pair: Pair) -> Recipe:
    """`Student Network Learning via Evolutionary Knowledge Distillation`: guided
    modules on the stages of both, Eqs. 2 to 9.

    Args:
        pair (Pair): Student and teacher.

    Returns:
        Recipe: The recipe.

    Raises:
        ValueError: If they are not classifiers with maps.
    """
    student, teacher = pair.both
    recipe = Recipe()
    if student.kind != CLASSIFIER or teacher.kind != CLASSIFIER:
        recipe.left_out.append('EKD is for classifiers')
    elif not student.stages or not teacher.stages:
        recipe.left_out.append('its guided modules need feature maps')
    else:
        own = student.stages[-1].channels
        width = min(max(own - own % _EXPANSION, _EXPANSION), _WIDEST)
        for name in ('teacher', 'student'):
            module = dict(type='GuidedModule', out_channels=width)
            recipe.streams[name] = dict(branches=dict(module=module, loss_weight=1.0))
        recipe.add(
            'loss_ekd',
            dict(type='EvolutionaryTransfers', temperature=4.0),
            f'guided modules of {width} channels on the stages of both, Eqs. 2 to 8',
        )
    recipe.check('ekd')
    return recipe
