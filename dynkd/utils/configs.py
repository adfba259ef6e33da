# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Configs without what inheritance across libraries, or Python's types, leave there."""

from collections.abc import Mapping
from typing import Any, Optional

from mmengine.config import Config


def without_scope(cfg: Mapping[str, Any], deep: bool = False) -> dict[str, Any]:
    """A config without the ``_scope_`` that MMEngine leaves in what is inherited.

    Args:
        cfg (dict): The config.
        deep (bool): Whether to take it out of nested dicts, lists and tuples too.
            Defaults to False.

    Returns:
        dict: A copy; its values are the same objects unless ``deep``.
    """
    own = {key: value for key, value in cfg.items() if key != '_scope_'}
    return {key: _cleaned(value) for key, value in own.items()} if deep else own


def _cleaned(value: Any) -> Any:
    """A nested value without scopes."""
    if isinstance(value, Mapping):
        return without_scope(value, deep=True)
    if isinstance(value, (list, tuple)):
        return type(value)(_cleaned(item) for item in value)
    return value


def type_name(kind: Any) -> str:
    """The name of a type, without its scope or module.

    Args:
        kind (str, type or dict): ``'mmdet.FCOS'``, the class, or a config with such a
            ``type``.

    Returns:
        str: ``'FCOS'``; empty where no type is named.
    """
    if isinstance(kind, Mapping):
        kind = kind.get('type')
    name = kind if isinstance(kind, str) else getattr(kind, '__name__', '')
    return name.rpartition('.')[2]


def shared_preprocessor(cfg: Mapping[str, Any]) -> Any:
    """The data preprocessor of streams whose models have none.

    Args:
        cfg (Config): A config with a ``model``.

    Returns:
        dict or None: The distillation's own, else the config's, as in a training.
    """
    own = cfg['model'].get('data_preprocessor')
    return cfg.get('data_preprocessor') if own is None else own


def is_python_file(file: Optional[str]) -> bool:
    """Whether a config is written in MMEngine's Python style.

    Such a config inherits by ``with read_base():`` and names its types by importing
    them. It cannot be the ``_base_`` of one in the classic style.

    Args:
        file (str, optional): The file of the config.

    Returns:
        bool: Whether it is; not if there is no file.
    """
    return file is not None and Config._is_lazy_import(str(file))


def classic(cfg: Config) -> Config:
    """A config in the classic style: with the names of imported types as strings.

    Args:
        cfg (Config): A config of either style, as it was read.

    Returns:
        Config: The config itself if it is in the classic style already.
    """
    if not is_python_file(cfg.filename):
        return cfg
    return Config(cfg.to_dict(), filename=cfg.filename)


def named_types(value: Any) -> Any:
    """A part of a config, with the names of its types in their places.

    Args:
        value (Any): Dicts, lists and tuples, in which classes and functions may be.

    Returns:
        Any: A copy in which these are strings (``'mmdet.models.detectors.fcos.FCOS'``),
        which MMEngine's registries understand.
    """
    if isinstance(value, Mapping):
        return {key: named_types(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(named_types(item) for item in value)
    name = getattr(value, '__qualname__', None) if callable(value) else None
    # What was defined inside of a function has no name by which it is found.
    if name is None or '<' in name:
        return value
    return f'{value.__module__}.{name}'
