# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What only one paper needs: a package for each; and the baselines."""

from . import baselines, dkd, dpk, dtskd, ekd, fgd, iakd

__all__ = ['baselines', 'dkd', 'dpk', 'dtskd', 'ekd', 'fgd', 'iakd']
