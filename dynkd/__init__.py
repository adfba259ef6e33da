# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""DynKD: dynamic knowledge distillation for OpenMMLab.

Importing this package registers its scope with MMEngine and repairs what the released
OpenMMLab wheels need to work together. Models, losses and hooks are imported when a
config first names one.
"""

from dynkd import compat, registry

from .version import __version__

compat.apply()

__all__ = ['__version__', 'registry']
