# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Transfers: knowledge that flows from source taps to target taps."""

from .balanced_weight import BalancedWeight
from .build import build_transfers, expand_groups, starts_from_scratch
from .checks import check_transfer, dry_run_transfer
from .gradients import check_graph, recomputation
from .group import TransferGroup, branch_taps
from .transfer import Transfer

__all__ = [
    'BalancedWeight',
    'Transfer',
    'TransferGroup',
    'branch_taps',
    'build_transfers',
    'check_graph',
    'check_transfer',
    'dry_run_transfer',
    'expand_groups',
    'recomputation',
    'starts_from_scratch',
]
