# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""*Dual teachers for self-knowledge distillation*: a model learns from its own past
predictions, and its branches learn from its final classifier.

===========  ===========================================================================
Source       Object
===========  ===========================================================================
Eq. 1        ``dynkd.models.transfers.losses.KLDLoss``;
             prior work: distillation of logits
Eq. 2        prior work: cross-entropy, the task loss of the model
Eq. 3        ``dynkd.models.algorithms.Distillation``;
             prior work: sum of Eqs. 1 and 2
Eq. 4        ``dynkd.models.methods.dtskd.DualTeacherTransfers``,
             ``dynkd.models.transfers.losses.KLDLoss``
Eq. 5        ``dynkd.models.methods.dtskd.DualTeacherTransfers``,
             ``dynkd.models.methods.dtskd.HistoricalLoss``
Eq. 6        ``dynkd.models.methods.dtskd.HistoricalLoss``,
             ``dynkd.models.stores.PredictionStore``,
             ``dynkd.models.labels.class_probabilities``;
             p', from past predictions and labels
Eq. 7        ``dynkd.models.schedules.CosineSchedule``
Eq. 8        ``dynkd.models.methods.dtskd.MixedFusionModule``
Eq. 9        ``dynkd.models.methods.dtskd.DualTeacherTransfers``
===========  ===========================================================================
"""

from .dual_teacher import DualTeacherTransfers
from .historical import HistoricalLoss
from .mixed_fusion import MixedFusionModule

__all__ = [
    'DualTeacherTransfers',
    'HistoricalLoss',
    'MixedFusionModule',
]
