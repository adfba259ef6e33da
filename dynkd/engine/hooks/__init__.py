# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Hooks: exact resuming and export."""

from .exact_resume_hook import ExactResumeHook
from .export_hook import ExportHook

__all__ = ['ExactResumeHook', 'ExportHook']
