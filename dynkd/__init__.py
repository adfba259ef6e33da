# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""DynKD: dynamic knowledge distillation for OpenMMLab.

Importing this package registers its scope with MMEngine and repairs what the released
OpenMMLab wheels need to work together. Models, losses and hooks are imported when a
config first names one.
"""

try:
    from dynkd import compat, registry
except ModuleNotFoundError as error:
    if error.name != 'mmengine':
        raise
    raise ModuleNotFoundError(
        'DynKD needs MMEngine, which is not installed. It comes with the libraries '
        "whose models are to be trained: pip install 'dynkd[det]', 'dynkd[cls]' or "
        "'dynkd[video]' for OpenMMLab's releases, 'dynkd[onedl]' for OneDL's.",
        name='mmengine',
    ) from None

from typing import Any

from .version import __version__

compat.apply()

__all__ = ['__version__', 'distill', 'registry']


def __getattr__(name: str) -> Any:
    """Import :func:`dynkd.recipes.distill` when it is asked for."""
    if name != 'distill':
        raise AttributeError(f'module `dynkd` has no attribute `{name}`')
    from dynkd.recipes import distill

    return distill
