# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Hooks: exact resuming, stores of past predictions, and export."""

from .exact_resume_hook import ExactResumeHook
from .export_hook import ExportHook
from .store_hook import StoreHook

__all__ = ['ExactResumeHook', 'ExportHook', 'StoreHook']
