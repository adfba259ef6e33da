# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Branches: auxiliary classifiers on the stages of a stream, dropped on export."""

from .attach import attach_branches, branches_of, record_branched
from .base import Branch, StageBranches
from .predict import predict_branches
from .stages import find_stages, probe_stages, record_stages

__all__ = [
    'Branch',
    'StageBranches',
    'attach_branches',
    'branches_of',
    'find_stages',
    'predict_branches',
    'probe_stages',
    'record_branched',
    'record_stages',
]
