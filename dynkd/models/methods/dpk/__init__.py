# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""DPK."""

from .measured_ratio import CKARatio, CosineRatio
from .prior_knowledge import PriorKnowledge

__all__ = [
    'CKARatio',
    'CosineRatio',
    'PriorKnowledge',
]
