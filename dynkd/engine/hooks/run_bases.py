# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Hooks of a base config that a config drops, of which :class:`RunCheckHook` warns."""

import ast
import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Optional

from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.runner import Runner

from dynkd.models.algorithms import Distillation
from dynkd.utils import type_name


def check_dropped_hooks(runner: Runner, model: Distillation) -> None:
    """Warn of hooks of a base that the config's own list has replaced.

    MMEngine merges dicts, but a list replaces the base's: a config that writes
    ``custom_hooks = [...]`` trains without the base's averaging of weights, for
    example.

    Args:
        runner (Runner): The runner.
        model (Distillation): The distillation.
    """
    own = Counter(type(getattr(hook, 'hook', hook)).__name__ for hook in runner.hooks)
    dropped = Counter(map(_name, base_hooks(runner.cfg.filename))) - own
    if dropped:
        print_log(
            f'`custom_hooks` of {Path(str(runner.cfg.filename)).name} replaces the '
            f"base's, so that {', '.join(dropped)} does not act. To keep the base's "
            'hooks, write `custom_hooks = [*_base_.custom_hooks, …]`, or add hooks '
            'under names of their own: `default_hooks = dict(export=dict(type='
            "'dynkd.ExportHook'))`.",
            logger='current',
            level=logging.WARNING,
        )


def base_hooks(path: Optional[str]) -> Sequence[Any]:
    """The ``custom_hooks`` of the bases that a config file names.

    Args:
        path (str, optional): The config file; None if the config is from no file.

    Returns:
        list: The configs of the hooks; none for a file that has moved or has no base.
    """
    if path is None or not Path(path).is_file():
        return []
    found: list[Any] = []
    for file in _bases(path):
        cfg = Config.fromfile(file, import_custom_modules=False)
        found += cfg.get('custom_hooks') or []
    return found


def _bases(path: str) -> Iterator[str]:
    """The files of the bases of a config, those of a config in pure Python too."""
    if not Config._is_lazy_import(path):
        for base in Config._get_base_files(path):
            yield Config._get_cfg_path(base, path)[0]
        return
    for name in Config._get_base_modules(ast.parse(Path(path).read_text()).body):
        module = name.lstrip('.')
        level = len(name) - len(module)
        # Of an installed library, MMEngine alone knows where its configs are.
        if level:
            folder = Path(path).parents[level - 1]
            yield str(folder.joinpath(*module.split('.')).with_suffix('.py'))


def _name(hook: Any) -> str:
    """The class of a hook; of one that a stream is given, that of the hook inside."""
    if not isinstance(hook, dict):
        return type(hook).__name__
    inner = hook.get('hook')
    return type_name(inner if isinstance(inner, dict) else hook)
