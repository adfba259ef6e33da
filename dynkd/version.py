# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The version of DynKD."""

__version__ = '0.2.0'
