# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""*Focal and Global Knowledge Distillation for Detectors*: objects and background are
weighted apart, and by where the teacher attends. Numbers of equations are those of DPK,
whose appendix A.2 states the loss; sections are FGD's own.

===========  ===========================================================================
Source       Object
===========  ===========================================================================
Eq. 8        ``dynkd.models.methods.fgd.FGDLoss``;
             the first sum
Eq. 9        ``dynkd.models.methods.fgd.FGDLoss``;
             the first sum with the hybrid feature of DPK
Sec. 3.1     ``dynkd.models.methods.fgd.fgd_masks.foreground_masks``,
             ``dynkd.models.methods.fgd.fgd_masks.background_masks``;
             masks M and M'
Sec. 3.1     ``dynkd.models.methods.fgd.attention.spatial_attention``,
             ``dynkd.models.methods.fgd.attention.channel_attention``;
             attentions
Sec. 3.1     ``dynkd.models.methods.fgd.FGDLoss``;
             attention loss: the second term
Sec. 3.2     ``dynkd.models.methods.fgd.FGDLoss``;
             global distillation: the third term
===========  ===========================================================================
"""

from .fgd import FGDLoss

__all__ = [
    'FGDLoss',
]
