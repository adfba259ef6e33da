# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What a runner is told about its run before it begins.

Needed by: MMEngine up to 0.10.7, the last release.

Why: a runner takes no notice of fields that it does not know, a misspelt
``custom_hooks`` among them, says ``KeyError: 'teacher'`` where one of several lists of
schedules is missing, and cannot know which hooks, loops and optimizers its model needs.

Cure: when a runner has its model, the settings that a distillation needs take the place
of those of a plain model; when it has its hooks, those that are needed are added, those
for plain models act on a stream, and what its config says beside the model is looked
at. What is brought in is logged. Other models are left alone.
"""

import functools
import inspect
import logging
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, Optional

from .import_hooks import WATCHER
from .plain_parts import check_parts, place_hooks
from .run_settings import bring_in, name_metrics, say

#: Fields of configs that a runner does not take, but scripts or other configs do.
_OTHERS = {
    'auto_scale_lr',
    'custom_imports',
    'data_preprocessor',
    'find_unused_parameters',
    'model_wrapper_cfg',
    'tta_model',
    'tta_pipeline',
    'train_pipeline',
    'val_pipeline',
    'test_pipeline',
}
#: How alike a name must be to one that is known, to be taken for it misspelt.
_ALIKE = 0.85


def apply() -> None:
    """Has runners settled once MMEngine's is imported."""
    WATCHER.after('mmengine.runner.runner', _guard_runner)


def _guard_runner() -> None:
    from mmengine.runner import runner

    wrap, register = runner.Runner.wrap_model, runner.Runner.register_hooks

    @functools.wraps(wrap)
    def wrapped(self: Any, model_wrapper_cfg: Optional[dict], model: Any) -> Any:
        bring_in(self, model, model_wrapper_cfg)
        return wrap(self, model_wrapper_cfg, model)

    @functools.wraps(register)
    def registered(self: Any, *args: Any, **kwargs: Any) -> None:
        register(self, *args, **kwargs)
        settle(self)

    runner.Runner.wrap_model = wrapped
    runner.Runner.register_hooks = registered


def settle(runner: Any) -> None:
    """Add the hooks that a distillation needs, and look at what stands beside it.

    Args:
        runner (Runner): The runner, with its model and the hooks of its config.

    Raises:
        ValueError: If a hook that works once for all is there twice, the schedules of
            the learning rates are not those of the streams, or a part of a library
            works on plain models only.
    """
    # Not before a runner is there: `import dynkd` stays light.
    from dynkd.utils import unwrap

    model = unwrap(runner.model)
    needed = getattr(model, 'needed_hooks', None)
    if needed is None:
        return
    check_parts(runner)
    place_hooks(runner)
    if runner._train_loop is None:
        return
    warn_of_misspelt(runner.cfg.keys())
    check_schedules(runner.param_schedulers, list(model.streams))
    add_hooks(runner, needed)
    name_metrics(runner, model)


def add_hooks(runner: Any, needed: Iterable[str]) -> None:
    """Add those hooks that are not there.

    Args:
        runner (Runner): The runner.
        needed (iterable of str): Names of the classes of the hooks.

    Raises:
        ValueError: If one is there twice.
    """
    # A class that is derived from one does its work too.
    found = [cls.__name__ for hook in runner.hooks for cls in type(hook).__mro__]
    added = []
    for name in needed:
        if found.count(name) > 1:
            raise ValueError(
                f'`custom_hooks` has {found.count(name)} of {name}, which would do its '
                'work twice; leave one.'
            )
        if name not in found:
            runner.register_hook(dict(type=f'dynkd.{name}'))
            added.append(name)
    if added:
        say(f'Added {", ".join(added)}, which this model needs.')


def check_schedules(schedules: Any, streams: list[str]) -> None:
    """Check that each trained stream has its schedules, where each has its own.

    Args:
        schedules (Any): The ``param_scheduler`` of the config.
        streams (list[str]): Names of the trained streams.

    Raises:
        ValueError: If one is missing, or belongs to no trained stream.
    """
    if not isinstance(schedules, Mapping) or 'type' in schedules:
        return
    names = [name for name in schedules if name != '_scope_']
    for name in names:
        if name not in streams:
            raise ValueError(
                f'param_scheduler: there is no trained stream `{name}`. Trained: '
                f'{", ".join(streams)}.'
            )
    for name in streams:
        if name not in names:
            raise ValueError(
                f'param_scheduler: the trained stream `{name}` has no schedules. Give '
                f'it `{name}=[…]` (`[]` for none), or write one list for all streams.'
            )


def warn_of_misspelt(fields: Iterable[str]) -> None:
    """Warn of top-level fields of a config that look like misspelt ones.

    Args:
        fields (iterable of str): Their names.
    """
    from mmengine.logging import print_log
    from mmengine.runner import Runner

    known = {*inspect.signature(Runner.__init__).parameters, *_OTHERS} - {'self'}
    for name in fields:
        near = get_close_matches(name, known, n=1, cutoff=_ALIKE)
        if name not in known and near:
            print_log(
                f'The config has `{name}`, of which nothing takes notice. Did you mean '
                f'`{near[0]}`?',
                logger='current',
                level=logging.WARNING,
            )
