# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Registries of DynKD: children of MMEngine's, under the scope ``dynkd``.

A config of any OpenMMLab library names what is registered here with the prefix
``dynkd.``, as in ``type='dynkd.Distillation'``. Each registry imports the modules at
its ``locations`` when it is first asked for something, so that ``import dynkd`` stays
quick.
"""

import inspect
from typing import Optional, Union

from mmengine.registry import DATASETS as MMENGINE_DATASETS
from mmengine.registry import FUNCTIONS as MMENGINE_FUNCTIONS
from mmengine.registry import HOOKS as MMENGINE_HOOKS
from mmengine.registry import LOOPS as MMENGINE_LOOPS
from mmengine.registry import MODELS as MMENGINE_MODELS
from mmengine.registry import (
    OPTIM_WRAPPER_CONSTRUCTORS as MMENGINE_OPTIM_WRAPPER_CONSTRUCTORS,
)
from mmengine.registry import TRANSFORMS as MMENGINE_TRANSFORMS
from mmengine.registry import Registry


class CheckedRegistry(Registry):
    """A registry whose classes check the arguments that configs give them.

    See :func:`dynkd.utils.fields.checked`: types and ranges are those of the
    annotations.
    """

    def _register_module(
        self,
        module: type,
        module_name: Optional[Union[str, list[str]]] = None,
        force: bool = False,
    ) -> None:
        """Have a class checked, and register it."""
        # Late: `import dynkd` stays quick.
        from dynkd.utils.fields import checked

        super()._register_module(module, module_name, force)
        if inspect.isclass(module):
            checked(module)


#: Algorithms, backbones, branches, transfer losses, connectors.
MODELS = CheckedRegistry(
    'model',
    parent=MMENGINE_MODELS,
    scope='dynkd',
    locations=[
        'dynkd.models.streams.branches',
        'dynkd.models.transfers.losses',
        'dynkd.models.transfers.connectors',
        'dynkd.models.algorithms',
        'dynkd.models.methods',
        'dynkd.models.backbones',
    ],
)
#: Numbers as functions of training progress.
SCHEDULES = CheckedRegistry(
    'schedule', scope='dynkd', locations=['dynkd.models.schedules']
)
#: Transfers that are generated from one short config.
TRANSFER_GROUPS = CheckedRegistry(
    'transfer group',
    scope='dynkd',
    locations=['dynkd.models.methods', 'dynkd.recipes.groups'],
)
#: Stores of the streams' past predictions.
STORES = CheckedRegistry('store', scope='dynkd', locations=['dynkd.models.stores'])
HOOKS = CheckedRegistry(
    'hook', parent=MMENGINE_HOOKS, scope='dynkd', locations=['dynkd.engine.hooks']
)
LOOPS = CheckedRegistry(
    'loop', parent=MMENGINE_LOOPS, scope='dynkd', locations=['dynkd.engine.loops']
)
OPTIM_WRAPPER_CONSTRUCTORS = CheckedRegistry(
    'optimizer wrapper constructor',
    parent=MMENGINE_OPTIM_WRAPPER_CONSTRUCTORS,
    scope='dynkd',
    locations=['dynkd.engine.optimizers'],
)
FUNCTIONS = CheckedRegistry(
    'function',
    parent=MMENGINE_FUNCTIONS,
    scope='dynkd',
    locations=['dynkd.engine.functions'],
)
DATASETS = CheckedRegistry(
    'dataset', parent=MMENGINE_DATASETS, scope='dynkd', locations=['dynkd.datasets']
)
TRANSFORMS = CheckedRegistry(
    'transform',
    parent=MMENGINE_TRANSFORMS,
    scope='dynkd',
    locations=['dynkd.datasets'],
)
