# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Formats the text of a config once, not with each checkpoint.

Needed by: MMEngine up to 0.10.7, the last release.

Why: each checkpoint contains the run's config as formatted text, as do the log and the
work directory. MMEngine has it formatted anew each time, which takes between half a
second and a second: in small runs more than the training.

Cure: a text that was formatted before is looked up. OneDL's MMEngine imports its
formatter with each call, and is left as it is.
"""

import functools
from typing import Any, Callable

from .import_hooks import WATCHER

#: How many texts are kept: those of one run differ only while it is set up.
_KEPT = 4


def apply() -> None:
    """Has texts kept once MMEngine's configs are imported."""
    WATCHER.after('mmengine.config.config', _keep_texts)


def _keep_texts() -> None:
    from mmengine.config import config

    if hasattr(config, 'FormatCode'):
        config.FormatCode = _remembering(config.FormatCode)


def _remembering(format_code: Callable[..., Any]) -> Callable[..., Any]:
    """Formatting that looks up what it was asked for before."""
    known: dict[str, Any] = {}

    @functools.wraps(format_code)
    def wrapped(text: str, **options: Any) -> Any:
        key = repr((text, options))
        if key not in known:
            found = format_code(text, **options)
            while len(known) >= _KEPT:
                del known[next(iter(known))]
            known[key] = found
        return known[key]

    return wrapped
