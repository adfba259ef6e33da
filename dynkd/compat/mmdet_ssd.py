# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""MMDetection's SSD, which cannot predict.

Needed by: mmdet 3.1.0 to 3.3.0.

Why: since 3.1.0, ``BaseDenseHead`` asks its ``loss_cls`` whether classes have channels
of their own. ``SSDHead`` computes its losses itself and has none, so the first
prediction, of a validation for example, raises AttributeError.

Cure: ``SSDHead.loss_cls`` is None, which has no such channels.
"""

import sys

from .import_hooks import WATCHER

_MODULE = 'mmdet.models.dense_heads.ssd_head'


def apply() -> None:
    """Gives the head what it is asked for, as soon as it is imported."""
    WATCHER.after(_MODULE, _mend)


def _mend() -> None:
    head = sys.modules[_MODULE].SSDHead
    if not hasattr(head, 'loss_cls'):
        head.loss_cls = None
        WATCHER.acted.append(f'{_MODULE}: SSD predicts')
