# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""*A General Dynamic Knowledge Distillation Method for Visual Analytics*: teacher and
student learn at the same time, each also from what the other outputs.

===========  ===========================================================================
Source       Object
===========  ===========================================================================
Eq. 1        ``dynkd.models.methods.dkd.EMDLoss``
Eq. 2        ``dynkd.models.transfers.losses.KLDLoss``
Eq. 3        ``dynkd.models.algorithms.Distillation``;
             a transfer for each EMD and KLD; LossAT is the task loss of the model
Eq. 4        argument for Eq. 1: a bound that nothing computes
Eq. 5        ``dynkd.models.transfers.losses.FeatureLoss``;
             argument against the squared error, the loss of static distillation
Eq. 6        ``dynkd.models.algorithms.Distillation``;
             Eq. 3 for classifiers; CrossEntropy is the task loss of the model
Eq. 7        ``dynkd.models.algorithms.Distillation``,
             ``dynkd.models.transfers.losses.KLDLoss``;
             Eq. 3 for detectors; KLDLoss sums over the levels; Loss_Fcos is the task
             loss of the model
Eq. 8        ``dynkd.models.algorithms.Distillation``;
             Eq. 3 for action recognition; CrossEntropy is the task loss of the model
Sec. III-A   ``dynkd.models.methods.dkd.MMDLoss``;
             the alternative to EMD
Sec. III-D   ``dynkd.models.algorithms.Phase``;
             static before dynamic distillation
===========  ===========================================================================
"""

from .emd import EMDLoss
from .mmd import MMDLoss
from .points import PointCloudLoss

__all__ = [
    'EMDLoss',
    'MMDLoss',
    'PointCloudLoss',
]
