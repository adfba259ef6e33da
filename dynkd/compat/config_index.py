# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Reads the list of a library's configs once, not for each config that is inherited.

Needed by: MMEngine up to 0.10.7, the last release.

Why: to find ``'mmdet::…'`` in a list of bases, MMEngine reads all metafiles of that
library, a hundred YAML files, and does so again for each such base.

Cure: a file that was read before is looked up.
"""

import functools

from .import_hooks import WATCHER


def apply() -> None:
    """Has the files kept once MMEngine's configs are imported."""
    WATCHER.after('mmengine.config.utils', _keep_files)


def _keep_files() -> None:
    from mmengine.config import utils

    # Only paths of metafiles are passed to it there, and what it returns is read only.
    utils.load = functools.cache(utils.load)
