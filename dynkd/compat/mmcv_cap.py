# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""MMAction2, MMSegmentation and MMRazor beside an mmcv newer than they expect.

Needed by: mmaction2 1.2.0 and mmsegmentation 1.2.2, which accept mmcv below 2.2.0, and
mmrazor 1.0.0, up to 2.1.0, beside a newer one: mmcv 2.2.0, or onedl-mmcv 2.3.

Why: each asserts the version when it is imported. What they use of mmcv has not
changed.

Cure: where the assertion fails, and only there, the import is repeated while mmcv
    reports the version 2.1.0, which all accept.
"""

import contextlib
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Optional

from .import_hooks import WATCHER

_REFUSED = re.compile(r'MMCV==\S+ is used but incompatible')
_ACCEPTED = '2.1.0'


def apply() -> None:
    """Tries refused imports of these libraries once more."""
    for package in ('mmaction', 'mmseg', 'mmrazor'):
        WATCHER.try_again(package, _mended)


def _mended(error: Exception) -> Optional[AbstractContextManager]:
    if not isinstance(error, AssertionError) or not _REFUSED.match(str(error)):
        return None
    import mmcv
    from mmengine.utils import digit_version

    too_old = digit_version(mmcv.__version__) <= digit_version(_ACCEPTED)
    return None if too_old else _accepted_version()


@contextlib.contextmanager
def _accepted_version() -> Iterator[None]:
    import mmcv

    own = mmcv.__version__
    mmcv.__version__ = _ACCEPTED
    try:
        yield
    finally:
        mmcv.__version__ = own
