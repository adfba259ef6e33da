# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The recipe of each method."""

from typing import Callable

from dynkd.recipes.recipe import Pair, Recipe

from .dkd import dkd
from .dpk import dpk
from .dtskd import dtskd
from .ekd import ekd
from .fgd import fgd
from .iakd import iakd
from .kd import kd

#: The recipes by the name of the method.
METHODS: dict[str, Callable[[Pair], Recipe]] = dict(
    dkd=dkd, kd=kd, ekd=ekd, dpk=dpk, iakd=iakd, dtskd=dtskd, fgd=fgd
)
#: Methods in which a model teaches itself.
WITHOUT_TEACHER = ('dtskd',)

__all__ = ['METHODS', 'WITHOUT_TEACHER']
