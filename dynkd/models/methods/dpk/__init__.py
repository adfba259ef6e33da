# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""*Better Teacher Better Student: Dynamic Prior Knowledge for Knowledge Distillation*:
the student receives a part of the teacher's feature before the features are compared.
The paper's equations are not numbered in print; they are counted in order.

===========  ===========================================================================
Source       Object
===========  ===========================================================================
Eq. 1        ``dynkd.models.transfers.losses.KLDLoss``;
             prior work: distillation of logits
Eq. 2        ``dynkd.models.transfers.Transfer``,
             ``dynkd.models.transfers.losses.FeatureLoss``;
             prior work: distillation of features
Eq. 3        ``dynkd.models.algorithms.Distillation``;
             a transfer for each of logits and features; L_cls is the task loss of the
             model
Eq. 4        ``dynkd.models.methods.dpk.PriorKnowledge``,
             ``dynkd.models.transfers.losses.FeatureLoss``;
             T_s, and D_feat
Eq. 5        ``dynkd.models.methods.dpk.CKARatio``
Eq. 6        ``dynkd.models.methods.dpk.cka.hsic1``
Eq. 7        ``dynkd.models.methods.dpk.cka.cka_of_terms``,
             ``dynkd.models.methods.dpk.cka.hsic_terms``
Eq. 8        ``dynkd.models.methods.fgd.FGDLoss``;
             prior work: FGD
Eq. 9        ``dynkd.models.methods.dpk.PriorKnowledge``,
             ``dynkd.models.methods.fgd.FGDLoss``;
             Eq. 4 as the feature of Eq. 8
Table 6      ``dynkd.models.methods.dpk.CosineRatio``,
             ``dynkd.models.methods.dpk.patch_masks.MASKS``;
             other ratios and masks
Sec. A.2     ``dynkd.models.methods.dpk.token_coders.TokenEncoder``,
             ``dynkd.models.methods.dpk.token_coders.TokenDecoder``;
             encoders and decoder
===========  ===========================================================================
"""

from .measured_ratio import CKARatio, CosineRatio
from .prior_knowledge import PriorKnowledge

__all__ = [
    'CKARatio',
    'CosineRatio',
    'PriorKnowledge',
]
