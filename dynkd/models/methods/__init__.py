# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What only one paper needs: a package for each."""

from . import dkd, dpk, dtskd, ekd, fgd, iakd

__all__ = ['dkd', 'dpk', 'dtskd', 'ekd', 'fgd', 'iakd']
