# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Methods that the papers compare with, as far as each is more than a loss. Those that
are a loss are in :mod:`dynkd.models.transfers.losses`."""

from .mutual import MutualTransfers

__all__ = [
    'MutualTransfers',
]
