# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Says which image cannot be read.

Needed by: MMCV up to 2.2.0, the last release.

Why: a file of zero bytes, or of anything but an image, ends the training with an
assertion of OpenCV that does not name it.

Cure: the error names the file.
"""

import functools
from typing import Any, Callable, Optional

from .import_hooks import WATCHER


def apply() -> None:
    """Has images named once MMCV's transforms are imported."""
    WATCHER.after('mmcv.transforms.loading', _name_files)


def _name_files() -> None:
    from mmcv.transforms import loading

    loader = loading.LoadImageFromFile
    loader.transform = _naming(loader.transform)


def _naming(transform: Callable) -> Callable:
    """`LoadImageFromFile.transform`, whose errors name the file."""

    @functools.wraps(transform)
    def wrapped(self: Any, results: dict) -> Optional[dict]:
        try:
            return transform(self, results)
        except Exception as error:
            path = str(results.get('img_path'))
            if path in str(error):
                raise
            reason = ' '.join(str(error).split())
            raise ValueError(
                f'the image {path} cannot be read ({type(error).__name__}: {reason})'
            ) from error

    return wrapped
