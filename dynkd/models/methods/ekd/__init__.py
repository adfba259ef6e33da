# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""*Student Network Learning via Evolutionary Knowledge Distillation*: teacher and
student are trained together, and guided modules on their stages pass knowledge within
and across them.

===========  ===========================================================================
Source       Object
===========  ===========================================================================
Eq. 1        ``dynkd.models.algorithms.Distillation``;
             the objective in general
Eq. 2        ``dynkd.models.methods.ekd.EvolutionaryTransfers``;
             within a stream, in general
Eq. 3        ``dynkd.models.methods.ekd.EvolutionaryTransfers``,
             ``dynkd.models.transfers.losses.KLDLoss``
Eq. 4        ``dynkd.models.methods.ekd.EvolutionaryTransfers``,
             ``dynkd.models.transfers.losses.FeatureLoss``
Eq. 5        ``dynkd.models.methods.ekd.EvolutionaryTransfers``;
             across streams, in general
Eq. 6        ``dynkd.models.methods.ekd.EvolutionaryTransfers``,
             ``dynkd.models.transfers.losses.KLDLoss``
Eq. 7        ``dynkd.models.methods.ekd.EvolutionaryTransfers``,
             ``dynkd.models.transfers.losses.FeatureLoss``
Eq. 8        ``dynkd.models.methods.ekd.EvolutionaryTransfers``;
             sum of Eqs. 6 and 7
Eq. 9        ``dynkd.models.streams.branches.StageBranches``;
             the terms c < C; the term C is the task loss of the model
Eq. 10       ``dynkd.models.algorithms.Distillation``;
             the sum of Eqs. 2 and 5 in each iteration
Eq. 11       ``dynkd.models.algorithms.Distillation``,
             ``dynkd.models.methods.ekd.EvolutionaryTransfers``;
             the sum for one stream
Sec. III     ``dynkd.models.methods.ekd.GuidedModule``;
             guided module
===========  ===========================================================================
"""

from .evolutionary import EvolutionaryTransfers
from .guided_module import GuidedModule

__all__ = [
    'EvolutionaryTransfers',
    'GuidedModule',
]
