# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Transforms inside transforms, MMAction2's by their bare names."""

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any, Callable, Union

from mmengine.registry import TRANSFORMS as MMENGINE_TRANSFORMS
from mmengine.registry import DefaultScope

Transform = Callable[[dict[str, Any]], Any]


def build_transforms(
    transforms: Union[dict, Transform, Sequence[Union[dict, Transform]]], owner: str
) -> list[Transform]:
    """Build transforms in MMAction2's scope, whatever that of the run is.

    Args:
        transforms (list[dict or callable] or dict or callable): The transforms, or the
            only one. Those of other libraries have a prefix (``'dynkd.LoadFlow'``).
        owner (str): Who asks, for messages.

    Returns:
        list[callable]: The transforms.

    Raises:
        ImportError: If MMAction2 is not installed.
        ValueError: If there are none.
    """
    if find_spec('mmaction') is None:
        raise ImportError(
            f"{owner} uses MMAction2's transforms, and MMAction2 is not installed: "
            'pip install mmaction2'
        )
    if isinstance(transforms, dict) or callable(transforms):
        transforms = [transforms]
    if not transforms:
        raise ValueError(f'{owner}: transforms is empty')
    with DefaultScope.overwrite_default_scope('mmaction'):
        return [
            MMENGINE_TRANSFORMS.build(own) if isinstance(own, dict) else own
            for own in transforms
        ]


def names_of(transforms: Sequence[Transform]) -> str:
    """Names of transforms, for messages and representations.

    Args:
        transforms (sequence of callable): The transforms.

    Returns:
        str: Their names, with commas between them.
    """
    return ', '.join(type(own).__name__ for own in transforms)
