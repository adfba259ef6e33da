# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Removing what inheritance across libraries leaves in configs."""

from collections.abc import Mapping
from typing import Any


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
