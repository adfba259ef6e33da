# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Methods that the papers compare with, as far as they learn or remember something.
Those that are a plain loss are in :mod:`dynkd.models.transfers.losses`."""

from .crd import CRDLoss
from .ld import LDLoss
from .mgd import MGDLoss
from .mutual import MutualTransfers
from .review import HCLLoss, ReviewFusion
from .vid import VIDLoss

__all__ = [
    'CRDLoss',
    'HCLLoss',
    'LDLoss',
    'MGDLoss',
    'MutualTransfers',
    'ReviewFusion',
    'VIDLoss',
]
