# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""MMAction2's wheel without one of its packages.

Needed by: mmaction2 1.2.0 as the package registry has it (issue #2714 there).

Why: the wheel leaves out ``mmaction/models/localizers/drn``, which
``mmaction.models.localizers`` imports, so ``import mmaction.models`` raises
ModuleNotFoundError.

Cure: a placeholder whose ``DRN`` raises when it is built. Everything else in MMAction2
is untouched; where the package is there (installed from source), so is the real
``DRN``.
"""

import importlib.machinery
from collections.abc import Sequence
from functools import partial
from typing import Optional

from .import_hooks import WATCHER
from .placeholders import PlaceholderModule

_PACKAGE = 'mmaction.models.localizers.drn'
_REASON = (
    'the mmaction2 1.2.0 wheel does not contain it. Install MMAction2 from its '
    'repository (https://github.com/open-mmlab/mmaction2) to train a DRN.'
)


def apply() -> None:
    """Serves the missing package when ``mmaction.models`` is imported."""
    WATCHER.serve(PlaceholderModule(_PACKAGE, _REASON, partial(_missing, _PACKAGE)))
    module = f'{_PACKAGE}.drn'
    WATCHER.serve(
        PlaceholderModule(
            module,
            _REASON,
            partial(_missing, module),
            classes=('DRN',),
            registry='mmaction.registry:MODELS',
        )
    )


def _missing(name: str, path: Optional[Sequence[str]]) -> bool:
    return importlib.machinery.PathFinder.find_spec(name, path) is None
